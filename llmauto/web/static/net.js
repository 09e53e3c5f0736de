// How the page speaks with its server: with a key in a header, and streams that come again by themselves.

import { byId, say, set } from "./dom.js";

const KEPT = "llmauto-session";
let key = localStorage.getItem(KEPT) ?? "";
let onLogin = () => {};

export const hasKey = () => key !== "";
export const whenLoggedOut = (act) => { onLogin = act; };

function forget() {
  key = "";
  localStorage.removeItem(KEPT);
  onLogin();
}

async function answer(response) {
  if (response.status === 401) forget();
  const value = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(value.error ?? `the server says ${response.status}`);
  return value;
}

const headers = () => ({ Authorization: `Bearer ${key}` });

export async function get(path) {
  return answer(await fetch(path, { headers: headers(), cache: "no-store" }));
}

export async function post(path, body) {
  return answer(await fetch(path, {
    method: "POST", headers: { ...headers(), "Content-Type": "application/json" }, body: JSON.stringify(body),
  }));
}

export async function login(given) {
  const response = await fetch("/api/login", {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ key: given }),
  });
  const value = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(value.error ?? "the login failed");
  key = value.session;
  localStorage.setItem(KEPT, key);
}

export async function logout() {
  await post("/api/logout", {}).catch(() => {});
  forget();
}

function online(text) {
  say(byId("net"), text);
  set(byId("net"), { "data-off": text ? "" : null });
}

/** Follows a stream; `on[event](data)`. Closed by the returned function. With `once` it does not come again. */
export function stream(path, on, { once = false } = {}) {
  const abort = new AbortController();
  let wait = 500;
  (async () => {
    while (!abort.signal.aborted) {
      try {
        const response = await fetch(path, { headers: headers(), signal: abort.signal, cache: "no-store" });
        if (response.status === 401) return forget();
        if (response.status === 404) return on.gone?.({});
        if (!response.ok) throw new Error(String(response.status));
        online("");
        wait = 500;
        await follow(response.body.getReader(), on);
      } catch (error) {
        if (abort.signal.aborted) return undefined;
      }
      if (once || abort.signal.aborted) return undefined;
      online("The server does not answer. Trying again …");
      await new Promise((done) => setTimeout(done, wait));
      wait = Math.min(wait * 2, 5000);
    }
    return undefined;
  })();
  return () => abort.abort();
}

async function follow(reader, on) {
  const decoder = new TextDecoder();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (rest + decoder.decode(value, { stream: true })).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const event = /^event: (.*)$/m.exec(block);
      const data = /^data: (.*)$/m.exec(block);
      if (event && data) on[event[1]]?.(JSON.parse(data[1]));
    }
  }
}
