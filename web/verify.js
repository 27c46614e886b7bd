// Whether two pictures show one person.
import * as api from './api.js';
import { el, guarded, heading, percent } from './dom.js';
import { drawFaces, overlaid, pictureInput } from './picture.js';
import { t } from './text.js';

function verdict(found) {
  const probability = found.probability === undefined ? '' : t('probabilityIs', { probability: percent(found.probability) });
  return [
    el('h3', { class: found.same ? 'good' : 'bad' }, found.same ? t('samePerson') : t('otherPerson')),
    el('p', {}, t('cosineIs', { cosine: found.cosine.toFixed(4), threshold: found.threshold.toFixed(4) }), ' ', probability)];
}

export function verify(view) {
  const chosen = { a: null, b: null };
  const result = el('section', { class: 'card', 'aria-live': 'polite', hidden: true });
  const compare = async () => {
    if (!chosen.a || !chosen.b) return;
    result.hidden = false;
    result.replaceChildren(el('p', { class: 'soft' }, t('working')));
    const found = await guarded(null, () => api.verify(chosen.a.blob, chosen.b.blob));
    if (!found) return result.replaceChildren(el('p', {}, t('notCompared')));
    for (const side of ['a', 'b'])
      drawFaces(chosen[side].canvas, found[side].width, found[side].height, [{ box: found[side].face.box, good: found.same }]);
    return result.replaceChildren(...verdict(found));
  };
  const inputs = ['a', 'b'].map((side) => {
    const place = el('div', {});
    const input = pictureInput((blob) => {
      const picture = overlaid(blob, t(`picture_${side}`));
      chosen[side] = { blob, canvas: picture.canvas };
      place.replaceChildren(picture.element);
      return compare();
    }, { label: t(`picture_${side}`) });
    return { ...input, place };
  });
  view.append(...heading(t('verify'), t('verifyLead')),
    el('div', { class: 'two' }, inputs.map((input) => el('div', {}, input.element, input.place))), result);
  return () => inputs.forEach((input) => input.end());
}
