// Frame of the page: the views behind #names, language, theme, key.
import { hasKey, setKey } from './api.js';
import { el, guarded, notice } from './dom.js';
import { language, languages, setLanguage, t } from './text.js';
import { audit } from './audit.js';
import { calibrate } from './calibrate.js';
import { enrol } from './enrol.js';
import { identify } from './identify.js';
import { people } from './people.js';
import { server } from './server.js';
import { unknown } from './unknown.js';
import { verify } from './verify.js';

// A view fills its element and returns what is to be done when it is left, or nothing.
const views = { identify, enrol, people, unknown, verify, calibrate, audit, server };
let leave = null;

function current() {
  const name = location.hash.slice(1).split('/')[0];
  return name in views ? name : 'identify';
}

async function show(focus) {
  const place = document.getElementById('view');
  const name = current();
  if (leave) leave();
  leave = null;
  place.replaceChildren();
  document.title = `${t(name)} – arcface`;
  for (const link of document.querySelectorAll('nav a'))
    if (link.hash === `#${name}`) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  if (focus) place.focus();
  leave = (await guarded(null, () => views[name](place))) || null;
}

function theme(wish) {
  if (wish) document.documentElement.dataset.theme = wish;
  else delete document.documentElement.dataset.theme;
}

function tools() {
  const chosen = localStorage.getItem('arcface.theme') || '';
  const themes = el('select', { 'aria-label': t('theme'), onchange: () => {
    localStorage.setItem('arcface.theme', themes.value);
    theme(themes.value);
  } }, ['', 'light', 'dark'].map((value) => el('option', { value, selected: value === chosen }, t(`theme_${value || 'system'}`))));
  const tongues = el('select', { 'aria-label': t('language'), onchange: () => {
    setLanguage(tongues.value);
    frame();
    show(false);
  } }, Object.entries(languages).map(([value, name]) => el('option', { value, lang: value, selected: value === language() }, name)));
  const key = el('button', { type: 'button', onclick: askKey }, hasKey() ? t('keySet') : t('key'));
  return [tongues, themes, key];
}

function askKey() {
  const input = el('input', { type: 'password', autocomplete: 'off', id: 'key' });
  const dialog = el('dialog', { 'aria-label': t('key') },
    el('form', { method: 'dialog', onsubmit: () => {
      setKey(input.value.trim());
      frame();
      show(false);
      notice(input.value ? t('keyKept') : t('keyGone'));
    } },
    el('p', {}, t('keyLead')),
    el('div', { class: 'row' }, el('label', { for: 'key' }, t('key'), input), el('button', { class: 'main' }, t('use')))));
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

function frame() {
  document.documentElement.lang = language();
  document.getElementById('skip').textContent = t('skip');
  const nav = document.getElementById('nav');
  nav.setAttribute('aria-label', t('views'));
  nav.replaceChildren(...Object.keys(views).map((name) => el('a', { href: `#${name}` }, t(name))));
  document.getElementById('tools').replaceChildren(...tools());
}

document.getElementById('skip').addEventListener('click', (event) => {
  event.preventDefault();
  document.getElementById('view').focus();
});
addEventListener('hashchange', () => show(true));
theme(localStorage.getItem('arcface.theme'));
frame();
show(false);
