// Elements, notices and dialogs. Text goes in as text nodes only, so a name that looks like HTML stays a name.
import { t } from './text.js';

export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name in element && typeof value !== 'string') element[name] = value;
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const button = (label, act, kind = '') =>
  el('button', { type: 'button', class: kind, onclick: (event) => guarded(event.currentTarget, act) }, label);

let fading;
export function notice(text, bad = false) {
  const place = document.getElementById('notice');
  clearTimeout(fading);
  place.replaceChildren(el('p', { class: bad ? 'bad' : '' }, text));
  fading = setTimeout(() => place.replaceChildren(), bad ? 9000 : 4000);
}

export function failure(error) {
  if (error.code === 'unreachable') notice(t('unreachable'), true);
  else if (error.status === 401) notice(t('keyNeeded'), true);
  else if (error.status === 403) notice(t('keyWeak'), true);
  else notice(error.message, true);
}

// Runs act with the button disabled, and says what went wrong.
export async function guarded(control, act) {
  if (control) control.disabled = true;
  try {
    return await act();
  } catch (error) {
    failure(error);
    return undefined;
  } finally {
    if (control) control.disabled = false;
  }
}

// Asks before something is lost. Resolves to true or false.
export function confirmed(question, action) {
  return new Promise((resolve) => {
    const dialog = el('dialog', { 'aria-label': question });
    const close = (answer) => {
      dialog.close();
      dialog.remove();
      resolve(answer);
    };
    dialog.append(
      el('p', {}, question),
      el('div', { class: 'row' },
        el('button', { type: 'button', onclick: () => close(false), autofocus: true }, t('cancel')),
        el('button', { type: 'button', class: 'danger', onclick: () => close(true) }, action)));
    dialog.addEventListener('cancel', () => close(false));
    document.body.append(dialog);
    dialog.showModal();
  });
}

export function heading(title, lead) {
  return [el('h2', {}, title), el('p', { class: 'lead' }, lead)];
}

export const percent = (share) => `${(100 * share).toFixed(share > 0.999 || share < 0.001 ? 3 : 1)} %`;
