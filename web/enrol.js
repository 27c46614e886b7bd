// Pictures of a person, with what is good or bad about each.
import * as api from './api.js';
import { button, el, guarded, heading, notice } from './dom.js';
import { faceOf, pictureInput, thumbnail } from './picture.js';
import { t } from './text.js';

const POOR = 0.7; // as arcface enroll warns
const area = ({ box }) => (box[2] - box[0]) * (box[3] - box[1]);

// Sentences about a face that will make a poor template; the quality is the server's, from 0 to 1.
function doubts(found, face) {
  const said = [];
  if (found.faces.length > 1) said.push(t('severalFaces', { n: found.faces.length }));
  if (Math.min(face.box[2] - face.box[0], face.box[3] - face.box[1]) < 60) said.push(t('smallFace'));
  if (face.quality !== undefined && face.quality < POOR) said.push(t('poorQuality'));
  return said;
}

async function pictureCard(cards, blob) {
  const found = await api.detect(blob);
  if (found.faces.length === 0) return notice(t('noFace'), true);
  const face = found.faces.reduce((best, other) => (area(other) > area(best) ? other : best));
  const view = await faceOf(blob, face.box);
  const poor = doubts(found, face);
  const card = el('article', { class: 'card' },
    el('div', { class: 'faces' }, thumbnail(view, t('yourPicture'))),
    face.quality === undefined ? '' : el('p', {}, t('quality'), ' ', el('meter', { min: 0, max: 1, low: POOR, high: 0.8, optimum: 1, value: face.quality, 'aria-label': t('quality') }), ` ${face.quality.toFixed(2)}`),
    poor.length ? poor.map((sentence) => el('p', { class: 'bad' }, sentence)) : el('p', { class: 'good' }, t('goodPicture')),
    button(t('leaveOut'), () => {
      cards.delete(card);
      card.remove();
    }));
  cards.set(card, view);
  return card;
}

async function store(cards, name, place) {
  const who = await api.personToEnrol(name);
  let stored = 0;
  for (const [card, view] of [...cards]) {
    const done = await guarded(null, () => api.enrol(who.id, view, { largest: true }));
    if (!done) continue;
    stored += 1;
    cards.delete(card);
    if (done.doubt) card.append(el('p', { class: 'bad' }, done.doubt));
    else card.remove();
  }
  if (stored > 0) notice(t('enrolled', { name, n: stored }));
  place.value = '';
}

export function enrol(view) {
  const cards = new Map();
  const list = el('div', { class: 'cards', 'aria-live': 'polite' });
  const name = el('input', { type: 'text', autocomplete: 'off', maxLength: 250, required: true });
  const input = pictureInput(async (blob) => {
    const card = await pictureCard(cards, blob);
    if (card) list.append(card);
  }, { several: true });
  const save = button(t('enrol'), async () => {
    if (!name.value.trim()) return name.focus();
    if (cards.size === 0) return notice(t('noPicture'), true);
    return store(cards, name.value.trim(), name);
  }, 'main');
  view.append(...heading(t('enrol'), t('enrolLead')), input.element,
    el('div', { class: 'row' }, el('label', {}, t('name'), name), save), list);
  return input.end;
}
