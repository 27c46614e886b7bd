// What runs behind this page.
import * as api from './api.js';
import { el, heading } from './dom.js';
import { t } from './text.js';

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

function facts(pairs) {
  return el('div', { class: 'scroll' }, el('table', {}, el('tbody', {}, pairs.filter(([, value]) => value !== undefined && value !== '')
    .map(([name, value]) => el('tr', {}, el('th', { scope: 'row' }, name), el('td', {}, String(value)))))));
}

export async function server(view) {
  view.append(...heading(t('server'), t('serverLead')));
  const [galleries, models] = await Promise.all([api.galleries(), api.models()]);
  for (const g of galleries)
    view.append(el('h3', {}, t('gallery')), facts([
      [t('name'), g.name], [t('store'), g.store], [t('people'), g.identities], [t('templates'), g.templates], [t('dimensions'), g.dim],
      [t('fusion'), g.fusion], [t('threshold'), g.threshold], [t('sealed'), g.sealed ? t('yes') : t('no')],
      [t('memory'), megabytes(g.memory_bytes)]]));
  for (const m of models)
    view.append(el('h3', {}, m.task === 'detect' ? t('detector') : t('embedder')), facts([
      [t('name'), m.name], ['SHA-256', m.sha256], [t('parameters'), m.parameters], [t('dimensions'), m.dim], [t('threshold'), m.threshold]]));
  view.append(el('p', {}, el('a', { href: '/openapi.json' }, 'openapi.json'), ' · ', el('a', { href: '/metrics' }, 'metrics')));
}
