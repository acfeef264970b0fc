// SPDX-License-Identifier: BSD-3-Clause
// What the pointer and the keys mean on a picture. `page` does it: view, tool(), cursor(), point(row, column, since),
// pin(), letGo(), draft(box), region(box), beginStroke(), stroke(row, column), endStroke(), redraw().

export function listen(plane, page) {
  const { canvas } = plane;
  const { view } = page;
  const inside = ({ row, column }) => row >= 0 && column >= 0 && row < view.rows && column < view.columns;
  const clip = (value, size) => Math.min(size - 1, Math.max(0, Math.floor(value)));
  const spanned = (a, b) => [Math.min(a.row, b.row), Math.min(a.column, b.column), Math.max(a.row, b.row) + 1, Math.max(a.column, b.column) + 1];
  const pixel = (at) => ({ row: clip(at.row, view.rows), column: clip(at.column, view.columns) });
  let drag = null, corner = null;

  canvas.addEventListener('pointermove', (event) => {
    const at = plane.place(event);
    if (!drag) {
      if (page.tool() === 'ask' && inside(at)) page.point(at.row, at.column, event.timeStamp);
    } else if (drag.tool === 'move') {
      view.move((drag.y - event.clientY) * at.perPixel, (drag.x - event.clientX) * at.perPixel);
      Object.assign(drag, { x: event.clientX, y: event.clientY });
      page.redraw();
    } else if (drag.tool === 'region') {
      page.draft((drag.box = spanned(drag.from, pixel(at))));
    } else if (drag.tool === 'ask') {
      if (inside(at)) page.point(at.row, at.column, event.timeStamp);
    } else if (inside(at)) {
      page.stroke(at.row, at.column);
    }
  });
  canvas.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    const at = plane.place(event), tool = page.tool();
    if (tool !== 'move' && !inside(at)) return;
    canvas.setPointerCapture(event.pointerId);
    drag = { tool, x: event.clientX, y: event.clientY, from: pixel(at) };
    if (['ask', 'move', 'region'].includes(tool)) return;
    page.beginStroke();
    page.stroke(at.row, at.column);
  });
  canvas.addEventListener('pointerup', (event) => {
    const done = drag;
    drag = null;
    if (!done || done.tool === 'move') return;
    const at = plane.place(event);
    if (done.tool === 'ask') {
      if (inside(at)) page.point(at.row, at.column, event.timeStamp), page.pin();
    } else if (done.tool === 'region') {
      if (done.box) page.region(done.box);
    } else {
      page.endStroke();
    }
  });
  canvas.addEventListener('pointercancel', () => {
    if (drag && !['ask', 'move', 'region'].includes(drag.tool)) page.endStroke();
    if (drag?.tool === 'region') page.draft(null);
    drag = null;
  });
  canvas.addEventListener('wheel', (event) => {
    event.preventDefault();
    const at = plane.place(event);
    view.zoomAt(2 ** (-event.deltaY / 300), at.row, at.column);
    page.redraw();
  }, { passive: false });

  // Enter does at the cursor what a click does there.
  const enter = ({ row, column }) => {
    const tool = page.tool();
    if (tool === 'ask') {
      page.point(row, column);
      page.pin();
    } else if (tool === 'region') {
      if (corner) page.region(spanned(corner, { row, column }));
      else page.draft([row, column, row + 1, column + 1]);
      corner = corner ? null : { row, column };
    } else if (tool !== 'move') {
      page.beginStroke();
      page.stroke(row + 0.5, column + 0.5);
      page.endStroke();
    }
  };
  canvas.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = event.shiftKey ? 10 : 1;
    const at = page.cursor();
    const ways = { ArrowUp: [-step, 0], ArrowDown: [step, 0], ArrowLeft: [0, -step], ArrowRight: [0, step] };
    const zoom = { '+': 1.5, '=': 1.5, '-': 1 / 1.5 }[event.key];
    if (ways[event.key] && page.tool() === 'move') {
      const part = Math.max(view.rows, view.columns) / view.zoom / 20;
      view.move(ways[event.key][0] * part, ways[event.key][1] * part);
      page.redraw();
    } else if (ways[event.key]) {
      const to = pixel({ row: at.row + ways[event.key][0], column: at.column + ways[event.key][1] });
      page.point(to.row, to.column, event.timeStamp);
      if (corner) page.draft(spanned(corner, to));
    } else if (event.key === 'Enter' || event.key === ' ') {
      enter(at);
    } else if (event.key === 'Escape') {
      corner = null;
      page.letGo();
    } else if (zoom) {
      view.zoomAt(zoom, at.row, at.column);
      page.redraw();
    } else if (event.key === '0') {
      view.fit(view.rows, view.columns);
      page.redraw();
    } else {
      return;
    }
    event.preventDefault();
  });
}
