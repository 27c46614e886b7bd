// Faces that nobody knew in this visit, grouped by similarity, to be named at once. They are kept in this tab only.
import * as api from './api.js';
import { button, el, guarded, heading, notice } from './dom.js';
import { faceOf, thumbnail } from './picture.js';
import { t } from './text.js';

const MOST = 500; // faces that are kept
const kept = [];

export async function keepUnknown(blob, face) {
  if (!face.embedding || kept.length >= MOST) return;
  kept.push({ picture: await faceOf(blob, face.box), embedding: face.embedding, threshold: face.threshold ?? 0.35 });
}

const cosine = (a, b) => a.reduce((sum, x, i) => sum + x * b[i], 0); // both have length 1

// Single linkage: faces are in one group if a chain of faces, each like the next, joins them.
export function groups(faces) {
  const of = faces.map((_, i) => i);
  const root = (i) => (of[i] === i ? i : (of[i] = root(of[i])));
  for (let i = 0; i < faces.length; i++)
    for (let j = 0; j < i; j++)
      if (cosine(faces[i].embedding, faces[j].embedding) >= faces[i].threshold) of[root(i)] = root(j);
  const found = new Map();
  faces.forEach((face, i) => found.set(root(i), [...(found.get(root(i)) || []), face]));
  return [...found.values()].sort((a, b) => b.length - a.length);
}

function forget(faces) {
  for (const face of faces) kept.splice(kept.indexOf(face), 1);
}

async function name(faces, input, again) {
  const wanted = input.value.trim();
  if (!wanted) return input.focus();
  const who = await api.personToEnrol(wanted);
  const stored = [];
  for (const face of faces) if (await guarded(null, () => api.enrol(who.id, face.picture, { largest: true }))) stored.push(face);
  forget(stored);
  if (stored.length > 0) notice(t('enrolled', { name: wanted, n: stored.length }));
  return again();
}

export function unknown(view) {
  const list = el('div', { class: 'cards' });
  const again = () => {
    list.replaceChildren(...groups(kept).map((faces) => {
      const input = el('input', { type: 'text', autocomplete: 'off', maxLength: 250 });
      return el('article', { class: 'card' },
        el('h3', {}, t('sameFace', { n: faces.length })),
        el('div', { class: 'faces' }, faces.slice(0, 12).map((face) => thumbnail(face.picture, t('unknownFace')))),
        el('div', { class: 'row' }, el('label', {}, t('name'), input),
          button(t('nameAll'), () => name(faces, input, again), 'main'),
          button(t('leaveOut'), () => {
            forget(faces);
            again();
          })));
    }));
    if (kept.length === 0) list.append(el('p', { class: 'soft' }, t('noUnknown')));
  };
  view.append(...heading(t('unknown'), t('unknownLead')), list);
  again();
}
