// Who is in a picture, or before the camera.
import * as api from './api.js';
import { button, el, guarded, heading, notice, percent } from './dom.js';
import { drawFaces, faceOf, openCamera, overlaid, pictureInput, still, thumbnail } from './picture.js';
import { t } from './text.js';
import { keepUnknown } from './unknown.js';

const labelOf = (face) => (face.known ? face.name : t('unknownFace'));

function matchTable(face) {
  if (face.matches.length === 0) return el('p', { class: 'soft' }, t('nobodyEnrolled'));
  return el('div', { class: 'scroll' }, el('table', {},
    el('thead', {}, el('tr', {}, [t('name'), t('cosine'), t('probability')].map((name) => el('th', { scope: 'col' }, name)))),
    el('tbody', {}, face.matches.map((match) => el('tr', {},
      el('td', {}, match.name, match.ruled_out ? el('span', { class: 'soft' }, ` (${t('ruledOut')})`) : ''),
      el('td', { class: `number ${match.accepted ? 'good' : ''}` }, match.cosine.toFixed(3)),
      el('td', { class: 'number' }, match.probability === undefined ? '–' : percent(match.probability)))))));
}

function notThisPerson(face) {
  return button(t('notThisPerson', { name: face.name }), async () => {
    await api.rejectPerson(face.identity, face.embedding);
    notice(t('rejected', { name: face.name }));
  });
}

async function nameUnknown(blob, face, input) {
  const name = input.value.trim();
  if (!name) return input.focus();
  const who = await api.personToEnrol(name);
  await api.enrol(who.id, await faceOf(blob, face.box), { largest: true });
  return notice(t('enrolled', { name, n: 1 }));
}

function faceCard(blob, face) {
  const input = el('input', { type: 'text', autocomplete: 'off', maxLength: 250 });
  const view = el('div', { class: 'faces' });
  guarded(null, async () => view.append(thumbnail(await faceOf(blob, face.box), labelOf(face))));
  return el('article', { class: 'card' },
    view,
    el('h3', { class: face.known ? 'good' : '' }, labelOf(face)),
    el('p', { class: 'soft' }, t('detectorScore', { score: percent(face.score) }),
      face.threshold === undefined ? '' : `, ${t('thresholdIs', { cosine: face.threshold.toFixed(3) })}`),
    matchTable(face),
    el('div', { class: 'row' }, face.known
      ? notThisPerson(face)
      : [el('label', {}, t('name'), input), button(t('enrolThis'), () => nameUnknown(blob, face, input), 'main')]));
}

async function answer(place, blob) {
  const picture = overlaid(blob, t('yourPicture'));
  place.replaceChildren(picture.element, el('p', { class: 'soft' }, t('working')));
  const found = await guarded(null, () => api.identify(blob, { top: 5, embeddings: true }));
  if (!found) return place.replaceChildren(picture.element);
  drawFaces(picture.canvas, found.width, found.height,
    found.faces.map((face) => ({ box: face.box, label: labelOf(face), good: face.known })));
  found.faces.filter((face) => !face.known).forEach((face) => keepUnknown(blob, face));
  return place.replaceChildren(picture.element,
    el('p', {}, found.faces.length ? t('seen', { known: found.known, unknown: found.unknown }) : t('noFace')),
    el('div', { class: 'cards' }, found.faces.map((face) => faceCard(blob, face))));
}

// The camera's frames are sent one at a time; the next goes when the answer to the last has come.
function live(place) {
  const video = el('video', { muted: true, playsInline: true, 'aria-label': t('camera') });
  const canvas = el('canvas', { class: 'over', 'aria-hidden': 'true' });
  const said = el('p', { role: 'status' });
  let stop = null;
  const end = () => {
    if (stop) stop();
    stop = null;
    place.replaceChildren();
  };
  const frames = async () => {
    while (stop) {
      const found = await api.identify(await still(video), { top: 1 });
      drawFaces(canvas, found.width, found.height,
        found.faces.map((face) => ({ box: face.box, label: labelOf(face), good: face.known })));
      said.textContent = found.faces.length ? found.faces.map(labelOf).join(', ') : t('noFace');
    }
  };
  const toggle = button(t('liveCamera'), async () => {
    if (stop) {
      end();
      toggle.textContent = t('liveCamera');
      return;
    }
    place.replaceChildren(el('div', { class: 'picture' }, video, canvas), said);
    stop = await openCamera(video);
    toggle.textContent = t('cameraOff');
    guarded(null, frames).then(() => {
      if (stop) end();
      toggle.textContent = t('liveCamera');
    });
  });
  return { toggle, end };
}

export function identify(view) {
  const result = el('section', { 'aria-live': 'polite' });
  const stage = el('div', {});
  const input = pictureInput((blob) => answer(result, blob), { camera: false });
  const camera = live(stage);
  view.append(...heading(t('identify'), t('identifyLead')), input.element, el('div', { class: 'row' }, camera.toggle), stage, result);
  return () => {
    input.end();
    camera.end();
  };
}
