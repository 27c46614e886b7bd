// The server's addresses (openapi.json describes them), one function each. Failures are thrown as ApiError with the server's sentence.
const state = { key: sessionStorage.getItem('arcface.key') || '' };

export class ApiError extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export function setKey(key) {
  state.key = key;
  if (key) sessionStorage.setItem('arcface.key', key);
  else sessionStorage.removeItem('arcface.key');
}

export const hasKey = () => state.key !== '';

async function call(method, path, { query = {}, body, json } = {}) {
  const url = new URL(path, location.origin);
  for (const [name, value] of Object.entries(query))
    if (value !== undefined && value !== null && value !== false) url.searchParams.set(name, String(value));
  const headers = {};
  if (state.key) headers['X-Api-Key'] = state.key;
  if (json !== undefined) headers['Content-Type'] = 'application/json';
  let answer;
  try {
    answer = await fetch(url, { method, headers, body: json === undefined ? body : JSON.stringify(json) });
  } catch (failure) {
    throw new ApiError(0, 'unreachable', failure.message);
  }
  if (answer.status === 204) return null;
  const type = answer.headers.get('Content-Type') || '';
  const content = type.startsWith('application/json') ? await answer.json() : await answer.blob();
  if (!answer.ok) {
    const error = content.error || {};
    throw new ApiError(answer.status, error.code || '', error.message || `HTTP ${answer.status}`);
  }
  return content;
}

function form(parts) {
  const data = new FormData();
  for (const [name, blob] of Object.entries(parts)) data.append(name, blob, name);
  return data;
}

const person = (id) => `/v1/identities/${encodeURIComponent(id)}`;

export const identify = (photo, query) => call('POST', '/v1/identify', { query, body: form({ photo }) });
export const embed = (photo, query) => call('POST', '/v1/embed', { query, body: form({ photo }) });
export const detect = (photo) => call('POST', '/v1/detect', { body: form({ photo }) });
export const verify = (a, b, query) => call('POST', '/v1/verify', { query, body: form({ a, b }) });
export const people = (after = 0, limit = 50) => call('GET', '/v1/identities', { query: { after, limit } });
export const personNamed = async (name) => (await call('GET', '/v1/identities', { query: { name } })).identities[0] || null;
export const addPerson = (name) => call('POST', '/v1/identities', { json: { name } });
export const renamePerson = (id, name) => call('PATCH', person(id), { json: { name } });
export const removePerson = (id) => call('DELETE', person(id));
export const mergePeople = (into, from) => call('POST', `${person(into)}/merge`, { json: { from } });
export const rejectPerson = (id, embedding) => call('POST', `${person(id)}/rejections`, { json: { embedding } });
export const templates = async (id) => (await call('GET', `${person(id)}/templates`)).templates;
export const enrol = (id, photo, query) => call('POST', `${person(id)}/templates`, { query, body: form({ photo }) });
export const removeTemplate = (id, template) => call('DELETE', `${person(id)}/templates/${template}`);
export const crop = (id, template) => call('GET', `${person(id)}/templates/${template}/crop`);
export const audit = (before, limit = 100) => call('GET', '/v1/audit', { query: { before, limit } });
export const galleries = async () => (await call('GET', '/v1/galleries')).galleries;
export const models = async () => (await call('GET', '/v1/models')).models;

// The person of this name, added if there is none yet.
export async function personToEnrol(name) {
  return (await personNamed(name)) || addPerson(name);
}
