// Pictures from files, the clipboard and the camera, and what is drawn over them. Nothing leaves the browser here.
import { el, guarded, notice } from './dom.js';
import { t } from './text.js';

const imagesOf = (list) => [...list].filter((file) => file.type.startsWith('image/') || /\.(heic|avif|jxl|tiff?)$/i.test(file.name));

// A place to drop, choose or paste pictures. use(blob) is called for one after the other. Gives its element and a function that ends it.
export function pictureInput(use, { several = false, camera = true, label = t('choose') } = {}) {
  const take = async (files) => {
    const pictures = imagesOf(files);
    if (pictures.length === 0) return notice(t('noPicture'), true);
    for (const picture of several ? pictures : pictures.slice(0, 1)) await guarded(null, () => use(picture));
  };
  const input = el('input', { type: 'file', accept: 'image/*', multiple: several, onchange: async () => {
    await take(input.files);
    input.value = '';
  } });
  const drop = el('div', { class: 'drop',
    ondragover: (event) => {
      event.preventDefault();
      drop.classList.add('over');
    },
    ondragleave: () => drop.classList.remove('over'),
    ondrop: (event) => {
      event.preventDefault();
      drop.classList.remove('over');
      take(event.dataTransfer.files);
    } },
  el('label', {}, label, input), el('p', { class: 'soft' }, t('dropOrPaste')));
  const paste = (event) => {
    if (event.clipboardData && event.clipboardData.files.length > 0) take(event.clipboardData.files);
  };
  document.addEventListener('paste', paste);
  const live = camera ? cameraInput(use) : null;
  if (live) drop.append(live.element);
  return { element: drop, end: () => {
    document.removeEventListener('paste', paste);
    if (live) live.end();
  } };
}

// The camera's picture as it is now, as a JPEG.
export function still(video) {
  const canvas = el('canvas', { width: video.videoWidth, height: video.videoHeight });
  canvas.getContext('2d').drawImage(video, 0, 0);
  return new Promise((resolve) => canvas.toBlob(resolve, 'image/jpeg', 0.92));
}

export async function openCamera(video) {
  if (!navigator.mediaDevices) throw new Error(t('noCamera'));
  const stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1280 } }, audio: false });
  video.srcObject = stream;
  await video.play();
  return () => stream.getTracks().forEach((track) => track.stop());
}

function cameraInput(use) {
  const video = el('video', { muted: true, playsInline: true, 'aria-label': t('camera') });
  const place = el('div', { class: 'picture', hidden: true }, video);
  let stop = null;
  const end = () => {
    if (stop) stop();
    stop = null;
    place.hidden = true;
    shoot.hidden = true;
    start.textContent = t('camera');
  };
  const start = el('button', { type: 'button', onclick: () => guarded(start, async () => {
    if (stop) return end();
    stop = await openCamera(video);
    place.hidden = false;
    shoot.hidden = false;
    start.textContent = t('cameraOff');
    return undefined;
  }) }, t('camera'));
  const shoot = el('button', { type: 'button', class: 'main', hidden: true,
    onclick: () => guarded(shoot, async () => use(await still(video))) }, t('shoot'));
  return { element: el('div', {}, place, el('div', { class: 'row' }, start, shoot)), end };
}

// The picture with a canvas over it, of the size of the server's coordinates. draw(context, scale) paints.
export function overlaid(blob, alt) {
  const url = URL.createObjectURL(blob);
  const canvas = el('canvas', { class: 'over', 'aria-hidden': 'true' });
  const image = el('img', { src: url, alt, onload: () => URL.revokeObjectURL(url) });
  return { element: el('div', { class: 'picture' }, image, canvas), canvas };
}

// faces: box [left, top, right, bottom] in pixels of a picture width x height; label and good of each are optional.
export function drawFaces(canvas, width, height, faces) {
  canvas.width = width;
  canvas.height = height;
  const paint = canvas.getContext('2d');
  const unit = canvas.clientWidth > 0 ? width / canvas.clientWidth : Math.max(width, height) / 600; // a pixel of the screen
  paint.lineWidth = 2 * unit;
  paint.font = `600 ${Math.round(13 * unit)}px system-ui, sans-serif`;
  paint.textBaseline = 'bottom';
  faces.forEach(({ box, label, good }) => {
    const [left, top, right, bottom] = box;
    paint.strokeStyle = good ? '#35c46a' : '#ffb02e';
    paint.strokeRect(left, top, right - left, bottom - top);
    if (!label) return;
    const wide = paint.measureText(label).width + 8 * unit;
    const tall = 19 * unit;
    const x = Math.min(Math.max(0, left), Math.max(0, width - wide));
    const y = top > tall ? top : Math.min(height, bottom + tall);
    paint.fillStyle = paint.strokeStyle;
    paint.fillRect(x, y - tall, wide, tall);
    paint.fillStyle = '#10201a';
    paint.fillText(label, x + 4 * unit, y - 2 * unit);
  });
}

// What is around a face, so that a detector finds it again: a JPEG of the box grown by half its size on each side.
export async function faceOf(blob, box) {
  const bitmap = await createImageBitmap(blob);
  const [left, top, right, bottom] = box;
  const grow = 0.5 * Math.max(right - left, bottom - top);
  const x = Math.max(0, left - grow);
  const y = Math.max(0, top - grow);
  const width = Math.min(bitmap.width, right + grow) - x;
  const height = Math.min(bitmap.height, bottom + grow) - y;
  const canvas = el('canvas', { width: Math.round(width), height: Math.round(height) });
  canvas.getContext('2d').drawImage(bitmap, x, y, width, height, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return new Promise((resolve) => canvas.toBlob(resolve, 'image/jpeg', 0.95));
}

// A small picture that frees its memory when it has been shown.
export function thumbnail(blob, alt) {
  const url = URL.createObjectURL(blob);
  return el('img', { src: url, alt, onload: () => URL.revokeObjectURL(url) });
}
