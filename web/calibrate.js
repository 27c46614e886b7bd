// Labelled pairs of the user's own pictures: how well the threshold fits them. Pictures are named PERSON_anything.jpg, or chosen person by person.
import * as api from './api.js';
import { button, el, guarded, heading, notice, percent } from './dom.js';
import { pictureInput } from './picture.js';
import { t } from './text.js';

const labelOf = (file) => (file.name || '').replace(/\.[^.]*$/, '').split(/[_\-. ]/)[0];
const dot = (a, b) => a.reduce((sum, x, i) => sum + x * b[i], 0);

// Every pair once. genuine and impostor: cosines.
export function pairsOf(faces) {
  const genuine = [];
  const impostor = [];
  for (let i = 0; i < faces.length; i++)
    for (let j = 0; j < i; j++)
      (faces[i].label === faces[j].label ? genuine : impostor).push(dot(faces[i].embedding, faces[j].embedding));
  return { genuine, impostor };
}

// The least cosine at which no more than this share of impostor pairs is accepted.
export function thresholdAt(impostor, far) {
  const sorted = [...impostor].sort((a, b) => b - a);
  const allowed = Math.floor(far * sorted.length);
  return allowed >= sorted.length ? -1 : Math.min(1, sorted[allowed] + 1e-6);
}

const share = (scores, threshold) => (scores.length ? scores.filter((score) => score >= threshold).length / scores.length : NaN);

function report(faces, place) {
  const { genuine, impostor } = pairsOf(faces);
  if (genuine.length === 0 || impostor.length === 0) return notice(t('calibrateMore'), true);
  const rows = [0.1, 0.01, 0.001].filter((far) => far * impostor.length >= 1).concat([0]).map((far) => {
    const threshold = thresholdAt(impostor, far);
    return el('tr', {}, [threshold.toFixed(3), percent(share(impostor, threshold)), percent(share(genuine, threshold))]
      .map((text) => el('td', { class: 'number' }, text)));
  });
  return place.replaceChildren(
    el('p', {}, t('calibratePairs', { genuine: genuine.length, impostor: impostor.length })),
    el('div', { class: 'scroll' }, el('table', {},
      el('thead', {}, el('tr', {}, [t('threshold'), t('strangersAccepted'), t('accepted')].map((name) => el('th', { scope: 'col' }, name)))),
      el('tbody', {}, rows))),
    el('p', { class: 'soft' }, t('calibrateUse')));
}

export function calibrate(view) {
  const faces = [];
  const list = el('p', { 'aria-live': 'polite' });
  const result = el('section', { 'aria-live': 'polite' });
  const input = pictureInput(async (file) => {
    const found = await guarded(null, () => api.embed(file, { largest: true }));
    if (!found || found.faces.length === 0) return notice(t('noFace'), true);
    faces.push({ label: labelOf(file), embedding: found.faces[0].embedding });
    list.textContent = t('calibrateHave', { pictures: faces.length, people: new Set(faces.map((face) => face.label)).size });
    return undefined;
  }, { several: true, camera: false });
  view.append(...heading(t('calibrate'), t('calibrateLead')), input.element, list,
    el('div', { class: 'row' }, button(t('calibrateNow'), () => report(faces, result), 'main')), result);
  return input.end;
}
