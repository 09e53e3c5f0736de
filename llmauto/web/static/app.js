// Which page is shown, and who may see it.

import { byId, h, say, set } from "./dom.js";
import { FiguresPage } from "./figures.js";
import { HomePage } from "./home.js";
import { hasKey, login, whenLoggedOut } from "./net.js";
import { RunPage } from "./run.js";

const main = byId("main");
let page = null;

function show(next) {
  page?.close?.();
  page = next;
  main.replaceChildren(next.root);
}

function route() {
  if (location.hash.startsWith("#code=")) return enter();
  if (!hasKey()) return show(loginPage());
  const [, kind = "", id = ""] = location.hash.split("/");
  for (const link of document.querySelectorAll("[data-page]")) {
    const here = link.dataset.page === (kind === "figures" ? "figures" : "runs");
    set(link, { "aria-current": here ? "page" : null });
  }
  if (kind === "run" && id) return show(new RunPage(decodeURIComponent(id)));
  return show(kind === "figures" ? new FiguresPage() : new HomePage());
}

/** By the one-time code behind the `#`, which no server is sent; it is taken out of sight at once. */
async function enter() {
  const code = location.hash.slice("#code=".length);
  history.replaceState(null, "", "/#/");
  try {
    await login(code);
    route();
  } catch (error) {
    if (hasKey()) route();
    else show(loginPage("This code was used already, or is too old."));
  }
}

function loginPage(said = "") {
  const problem = h("p", { class: "problem", role: "alert" }, said);
  const field = h("input", { id: "key", type: "password", autocomplete: "off", required: true, spellcheck: "false" });
  const form = h("form", { class: "login" }, h("h1", {}, "Who are you?"),
    h("p", {}, "Paste the key of this server. It stands in the file that ", h("code", {}, "llmauto ui"), " named in its terminal, and is new with each start."),
    h("label", { for: "key" }, "Key"), field, problem, h("button", { class: "primary", type: "submit" }, "Log in"));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await login(field.value.trim());
      route();
    } catch (error) {
      say(problem, `No: ${error.message}.`);
      field.select();
    }
  });
  document.title = "Log in · llmauto";
  return { root: form };
}

const THEMES = { "": ["◐", "as the system has them"], light: ["☀", "light"], dark: ["☾", "dark"] };

function drawTheme() {
  const now = document.documentElement.dataset.theme ?? "";
  say(byId("theme"), THEMES[now][0]);
  set(byId("theme"), { "aria-label": `Colours: ${THEMES[now][1]}`, title: `Colours: ${THEMES[now][1]}` });
}

byId("theme").addEventListener("click", () => {
  const names = Object.keys(THEMES);
  const next = names[(names.indexOf(document.documentElement.dataset.theme ?? "") + 1) % names.length];
  if (next) document.documentElement.dataset.theme = next;
  else delete document.documentElement.dataset.theme;
  localStorage.setItem("llmauto-theme", next);
  drawTheme();
});
byId("skip").addEventListener("click", () => main.focus());
whenLoggedOut(() => show(loginPage("You are not logged in, or not any more.")));
addEventListener("hashchange", route);
drawTheme();
route();
