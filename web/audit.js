// Who changed what, the newest first.
import * as api from './api.js';
import { button, el, heading } from './dom.js';
import { language, t } from './text.js';

const PAGE = 100;

export async function audit(view) {
  const rows = el('tbody', {});
  const more = el('div', { class: 'row' });
  const page = async (before) => {
    const { entries, previous } = await api.audit(before, PAGE);
    rows.append(...entries.reverse().map((entry) => el('tr', {},
      [new Date(entry.time).toLocaleString(language()), entry.actor || '–', entry.action, entry.subject, entry.detail]
        .map((text) => el('td', {}, text)))));
    more.replaceChildren();
    if (previous) more.append(button(t('more'), () => page(previous)));
  };
  view.append(...heading(t('audit'), t('auditLead')),
    el('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': t('audit') }, el('table', {},
      el('thead', {}, el('tr', {}, [t('when'), t('who'), t('what'), t('subject'), t('detail')].map((name) => el('th', { scope: 'col' }, name)))),
      rows)), more);
  await page(undefined);
}
