// SPDX-License-Identifier: BSD-3-Clause
// What the server sends and what is saved: frames (a JSON header, then arrays), .npy files and CSV.

const kinds = { float32: Float32Array, uint8: Uint8Array, int32: Int32Array };

// A frame: "LMF1", the header's length (little endian), the header, the arrays.
export function decodeFrame(buffer) {
  const view = new DataView(buffer);
  if (buffer.byteLength < 8 || view.getUint32(0, false) !== 0x4c4d4631) throw new Error('the answer is not a frame');
  const length = view.getUint32(4, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  const arrays = {};
  for (const [name, { dtype, shape, offset }] of Object.entries(header.arrays ?? {})) {
    const count = shape.reduce((a, b) => a * b, 1);
    arrays[name] = { shape, data: new kinds[dtype](buffer, 8 + length + offset, count) };
  }
  return { ...header, arrays };
}

// A float32 array as the bytes of a .npy file, version 1.0.
export function encodeNpy({ shape, data }) {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  let header = `{'descr': '<f4', 'fortran_order': False, 'shape': ${tuple}, }`;
  header += ' '.repeat((64 - (10 + header.length + 1) % 64) % 64) + '\n';
  const bytes = new Uint8Array(10 + header.length + data.length * 4);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length & 255, header.length >> 8]);
  bytes.set(new TextEncoder().encode(header), 10);
  const out = new DataView(bytes.buffer, 10 + header.length);
  data.forEach((value, i) => out.setFloat32(4 * i, value, true));
  return bytes;
}

// Rows of fields; one that holds a separator is quoted.
export function encodeCsv(rows) {
  const field = (value) => {
    const text = String(value);
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return rows.map((row) => row.map(field).join(',')).join('\r\n') + '\r\n';
}
