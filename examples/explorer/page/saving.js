// SPDX-License-Identifier: BSD-3-Clause
// Files made of what is shown.

// Pictures side by side with their names and scales, as a canvas.
export function sheet(planes, heading) {
  const [side, gap, text, top] = [512, 20, 70, 34];
  const columns = Math.min(planes.length, 3), rows = Math.ceil(planes.length / columns);
  const canvas = Object.assign(document.createElement('canvas'), { width: columns * (side + gap) + gap, height: top + rows * (side + text + gap) + gap });
  const to = canvas.getContext('2d');
  const write = (words, x, y, width, font = '14px sans-serif', color = '#1b1c1f') => {
    Object.assign(to, { font, fillStyle: color });
    to.fillText(words, x, y, width);
  };
  Object.assign(to, { fillStyle: '#fff', imageSmoothingEnabled: false });
  to.fillRect(0, 0, canvas.width, canvas.height);
  write(heading, gap, 26, canvas.width - 2 * gap, 'bold 16px sans-serif');
  planes.forEach((plane, i) => {
    const [x, y] = [gap + (i % columns) * (side + gap), top + gap / 2 + Math.floor(i / columns) * (side + text + gap)];
    to.fillStyle = '#0e0f11';
    to.fillRect(x, y, side, side);
    to.drawImage(plane.canvas, x, y, side, side);
    write(plane.title.textContent, x, y + side + 18, side, 'bold 14px sans-serif');
    write(plane.text.textContent, x, y + side + 36, side, '13px sans-serif', '#55565e');
    if (!plane.strip || plane.scale.hidden) return;
    write(plane.ends[0], x, y + side + 56, 80, '12px sans-serif', '#55565e');
    to.drawImage(plane.strip, x + 90, y + side + 46, side - 180, 12);
    write(plane.ends[1], x + side - 80, y + side + 56, 80, '12px sans-serif', '#55565e');
  });
  return canvas;
}

// Answers, each a window of the image, as float32 [H, W], or [answers, H, W] of several.
export function dense(answers, rows, columns) {
  const data = new Float32Array(answers.length * rows * columns);
  answers.forEach(({ arrays: { values }, origin }, n) => {
    for (let r = 0; r < values.shape[0]; ++r) {
      for (let c = 0; c < values.shape[1]; ++c) {
        const [i, j] = [origin[0] + r, origin[1] + c];
        if (i >= 0 && j >= 0 && i < rows && j < columns) data[(n * rows + i) * columns + j] = values.data[r * values.shape[1] + c];
      }
    }
  });
  return { shape: answers.length === 1 ? [rows, columns] : [answers.length, rows, columns], data };
}

export function download(name, blob) {
  const link = Object.assign(document.createElement('a'), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  return `saved ${name}`;
}
