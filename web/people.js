// Everybody of the gallery with their crops: rename, merge, remove.
import * as api from './api.js';
import { button, confirmed, el, guarded, heading, notice } from './dom.js';
import { thumbnail } from './picture.js';
import { language, t } from './text.js';

async function crops(person, place) {
  const all = await api.templates(person.id);
  place.replaceChildren();
  for (const template of all.slice(0, 24)) {
    const figure = el('figure', {});
    const remove = button('×', async () => {
      if (!(await confirmed(t('removePictureSure', { name: person.name }), t('remove')))) return;
      await api.removeTemplate(person.id, template.id);
      figure.remove();
    });
    remove.setAttribute('aria-label', t('removePicture'));
    try {
      figure.append(thumbnail(await api.crop(person.id, template.id), t('cropOf', { name: person.name })), remove);
    } catch (error) {
      figure.append(el('span', { class: 'soft' }, t('noCrop')), remove);
    }
    place.append(figure);
  }
}

function personCard(person, again) {
  const faces = el('div', { class: 'faces' });
  const name = el('input', { type: 'text', maxLength: 250, autocomplete: 'off' });
  name.value = person.name;
  const rename = button(t('rename'), async () => {
    await api.renamePerson(person.id, name.value.trim());
    notice(t('renamed'));
    await again();
  });
  const merge = button(t('merge'), async () => {
    const into = await api.personNamed(name.value.trim());
    if (!into || into.id === person.id) return notice(t('mergeHow'), true);
    if (!(await confirmed(t('mergeSure', { from: person.name, into: into.name }), t('merge')))) return undefined;
    await api.mergePeople(into.id, person.id);
    return again();
  });
  const remove = button(t('remove'), async () => {
    if (!(await confirmed(t('removeSure', { name: person.name }), t('remove')))) return;
    await api.removePerson(person.id);
    await again();
  }, 'danger');
  guarded(null, () => crops(person, faces));
  return el('article', { class: 'card' },
    el('h3', {}, person.name),
    el('p', { class: 'soft' }, t('pictures', { n: person.templates }), `, ${new Date(person.created).toLocaleDateString(language())}`),
    faces,
    el('details', {}, el('summary', {}, t('change')),
      el('div', { class: 'row' }, el('label', {}, t('name'), name)),
      el('div', { class: 'row' }, rename, merge, remove)));
}

export async function people(view) {
  const search = el('input', { type: 'search', autocomplete: 'off' });
  const list = el('div', { class: 'cards' });
  const more = el('div', { class: 'row' });
  const page = async (after) => {
    const found = await api.people(after, 30);
    list.append(...found.identities.map((person) => personCard(person, again)));
    more.replaceChildren();
    if (found.next) more.append(button(t('more'), () => page(found.next)));
    if (list.childElementCount === 0) more.append(el('p', { class: 'soft' }, t('nobodyEnrolled')));
  };
  const again = async () => {
    list.replaceChildren();
    if (!search.value.trim()) return page(0);
    more.replaceChildren();
    const person = await api.personNamed(search.value.trim());
    return person ? list.append(personCard(person, again)) : more.append(el('p', { class: 'soft' }, t('nobodyNamed')));
  };
  search.addEventListener('change', () => guarded(null, again));
  view.append(...heading(t('people'), t('peopleLead')), el('div', { class: 'row' }, el('label', {}, t('findName'), search)), list, more);
  await page(0);
}
