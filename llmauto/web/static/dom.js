// Elements and figures. Text reaches the page as text nodes alone, so nothing in it is ever markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const h = (tag, properties, ...children) => fill(document.createElement(tag), properties, children);
export const s = (tag, properties, ...children) => fill(document.createElementNS(SVG, tag), properties, children);
export const byId = (id) => document.getElementById(id);

/** Sets attributes that have changed, and no others. */
export function set(element, values) {
  for (const [name, value] of Object.entries(values)) {
    const text = value === null ? null : String(value);
    if (text === null) element.removeAttribute(name);
    else if (element.getAttribute(name) !== text) element.setAttribute(name, text);
  }
}

/** Puts `text` there if it is another one: whoever reads it aloud is not told twice. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** A sentence with what stands in backticks as code. Whole texts of agents are not for it. */
export function coded(text) {
  const parts = String(text ?? "").split("`");
  if (parts.length % 2 === 0) return [parts.join("`")];
  return parts.map((part, at) => (at % 2 ? h("code", {}, part) : part));
}

export function announce(text) {
  say(byId("live"), text);
}

export function money(usd, unknown = 0) {
  if (usd === null || usd === undefined || (unknown && !usd)) return "unknown";
  const known = usd > 0 && usd < 0.01 ? "<$0.01" : `$${usd.toFixed(2)}`;
  return unknown ? `${known} + ${unknown} unknown` : known;
}

const two = (n) => String(n).padStart(2, "0");

export function duration(seconds) {
  const n = Math.max(0, Math.floor(seconds));
  if (n < 60) return `${n}s`;
  if (n < 3600) return `${Math.floor(n / 60)}m${two(n % 60)}s`;
  if (n < 86400) return `${Math.floor(n / 3600)}h${two(Math.floor((n % 3600) / 60))}`;
  return `${Math.floor(n / 86400)}d${two(Math.floor((n % 86400) / 3600))}h`;
}

export function clock(at, seconds = false) {
  if (!at) return "–";
  const date = new Date(at * 1000);
  const time = `${two(date.getHours())}:${two(date.getMinutes())}${seconds ? `:${two(date.getSeconds())}` : ""}`;
  if (date.toDateString() === new Date().toDateString()) return time;
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${time}`;
}

export function count(number, noun) {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}

export function tokens(number) {
  if (number >= 1e6) return `${(number / 1e6).toFixed(1)}M tokens`;
  return number >= 1000 ? `${(number / 1000).toFixed(1)}k tokens` : count(number, "token");
}

const SHADES = {
  RUNNING: "open", COMPLETED: "good", ALL_DONE: "good", WAITING: "wait", PAUSED: "wait", STOPPED: "rest",
  BLOCKED: "bad", FAILED: "bad", READY: "rest",
};

export function chip(status) {
  return h("span", { class: `chip ${SHADES[status] ?? "rest"}` }, status);
}

/** A button that opens a list of choices: [[words, what to do], …]. */
export function menu(label, choices, properties = {}) {
  const list = h("div", { class: "choices", role: "menu", hidden: true });
  const button = h("button", { type: "button", "aria-haspopup": "menu", "aria-expanded": "false", ...properties }, label);
  const root = h("span", { class: "menu" }, button, list);
  const open = (on) => {
    list.hidden = !on;
    button.setAttribute("aria-expanded", String(on));
    if (on) list.firstElementChild.focus();
  };
  const items = choices.map(([words, act]) =>
    h("button", { type: "button", role: "menuitem", tabindex: "-1", onclick: () => { open(false); act(); } }, words));
  list.append(...items);
  button.addEventListener("click", () => open(list.hidden));
  root.addEventListener("keydown", (event) => {
    const at = items.indexOf(document.activeElement);
    if (event.key === "Escape") { open(false); button.focus(); }
    else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (list.hidden) open(true);
      else items[(at + (event.key === "ArrowDown" ? 1 : items.length - 1)) % items.length].focus();
    }
  });
  root.addEventListener("focusout", (event) => { if (!root.contains(event.relatedTarget)) open(false); });
  return root;
}
