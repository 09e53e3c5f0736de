// One link's turn, looked at closely: what the agent does, what went in and out, what was sent and what came.

import { clock, coded, count, duration, h, money, s, say, tokens } from "./dom.js";
import { get, stream } from "./net.js";

const TABS = [
  ["activity", "Activity"], ["handoff", "Handoff in→out"], ["diff", "Diff"], ["compare", "Compare rounds"],
  ["prompt", "Prompt"], ["result", "Result"], ["errors", "Errors"], ["raw", "Raw"],
];
const SIGNS = { "+": "plus", "-": "minus", "@": "at", "=": "file", " ": "" };

export function diffView(lines, none) {
  if (!lines.length) return h("p", { class: "hint" }, none);
  return h("div", { class: "diff", tabindex: "0", role: "region", "aria-label": "Differences" },
    lines.map(([sign, text]) => h("div", { class: SIGNS[sign] ?? "" },
      h("span", { class: "sign" }, sign === "+" || sign === "-" ? sign : ""), text || " ")));
}

const block = (text, label) => h("pre", { tabindex: "0", "aria-label": label }, text);

export class Detail {
  constructor(run) {
    this.run = run;
    this.bar = null;
    this.tab = "activity";
    this.close = () => {};
    this.asked = 0;
    this.heading = h("h2", { id: "detail-title" }, "Nothing has been played yet");
    this.facts = h("p", { class: "facts" });
    this.attempts = h("div", { class: "attempts" });
    this.panel = h("div", { id: "panel", role: "tabpanel", tabindex: "0" });
    this.tabs = TABS.map(([name, words]) => h("button", {
      type: "button", role: "tab", id: `tab-${name}`, "aria-controls": "panel", onclick: () => this.open(name),
    }, words));
    this.list = h("div", { class: "tabs", role: "tablist", "aria-label": "About this turn", onkeydown: (e) => this.walk(e) }, this.tabs);
    this.root = h("section", { class: "detail", "aria-labelledby": "detail-title" },
      h("div", { class: "about" }, this.heading, this.facts, this.attempts), this.list, this.panel);
  }

  walk(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const at = TABS.findIndex(([name]) => name === this.tab);
    const next = (at + step + TABS.length) % TABS.length;
    this.open(TABS[next][0]);
    this.tabs[next].focus();
  }

  /** Shows that turn; the same again where something of it has changed. */
  show(bar, { again = false } = {}) {
    const other = this.bar?.index !== bar.index;
    const calls = bar.attempts.length;
    const more = !other && (this.calls !== calls || this.ended !== bar.ended_at || this.outcome !== bar.outcome);
    this.bar = bar;
    [this.calls, this.ended, this.outcome] = [calls, bar.ended_at, bar.outcome];
    if (other && bar.kind === "gate" && this.tab === "activity") this.tab = "handoff";
    if (other || more) this.call = bar.attempts.at(-1)?.call ?? 0;
    this.drawAbout();
    if (other || again || (more && this.tab !== "compare")) this.open(this.tab);
  }

  drawAbout() {
    const { bar } = this;
    say(this.heading, `R${bar.round} · ${bar.link}`);
    const parts = [
      bar.outcome || (bar.kind === "gate" ? "waits for a person" : "at work"),
      bar.kind === "skipped" ? "" : duration((bar.ended_at || this.run.now()) - bar.started_at),
      `${clock(bar.started_at, true)}${bar.ended_at ? ` – ${clock(bar.ended_at, true)}` : ""}`,
      bar.attempts.some((one) => one.outcome) ? money(bar.cost_usd ?? 0, bar.unknown_costs) : "",
      bar.attempts.at(-1)?.model || bar.attempts.at(-1)?.backend,
      bar.tokens ? tokens(bar.tokens) : "",
      bar.verdict ? `verdict ${bar.verdict}` : "",
      bar.findings >= 0 && bar.findings !== undefined ? count(bar.findings, "open finding") : "",
      bar.trend && bar.trend !== "first" ? bar.trend : "",
      bar.why ?? "",
    ];
    say(this.facts, parts.filter(Boolean).join(" · "));
    const many = bar.attempts.length > 1;
    this.attempts.replaceChildren(...(many ? bar.attempts.map((one) => h("button", {
      type: "button", class: "quiet", "aria-pressed": String(one.call === this.call),
      title: one.message ?? "", onclick: () => { this.call = one.call; this.drawAbout(); this.open(this.tab); },
    }, `attempt ${one.number}: ${one.outcome || "at work"}`)) : []));
    this.drawTabs();
  }

  drawTabs() {
    const errors = this.run.errors().length;
    this.tabs.forEach((tab, at) => {
      const [name, words] = TABS[at];
      tab.setAttribute("aria-selected", String(name === this.tab));
      tab.tabIndex = name === this.tab ? 0 : -1;
      say(tab, name === "errors" && errors ? `${words} ${errors}` : words);
    });
  }

  async open(name) {
    this.tab = name;
    this.drawTabs();
    this.close();
    this.close = () => {};
    const asked = ++this.asked;
    this.panel.setAttribute("aria-labelledby", `tab-${name}`);
    const put = (...parts) => { if (asked === this.asked) this.panel.replaceChildren(...parts); };
    if (!this.bar) return;
    try {
      await this[name](put, asked);
    } catch (error) {
      put(h("p", { class: "hint" }, error.message));
    }
  }

  get base() { return `/api/runs/${encodeURIComponent(this.run.id)}`; }

  get callBase() { return `${this.base}/calls/${this.call}`; }

  noCall(put) {
    if (this.call) return false;
    const words = { gate: "A gate asks a person; no agent is called.", skipped: "This link was passed over: no agent was called." };
    put(h("p", { class: "hint" }, words[this.bar.kind] ?? "No call was made yet."));
    return true;
  }

  // --- the tabs ---------------------------------------------------------------------------------

  async activity(put, asked) {
    if (this.noCall(put)) return;
    const list = h("div", { class: "activity" });
    const state = h("p", { class: "hint" }, "Nothing was seen yet.");
    put(list, state);
    let group = null;
    const add = (items) => {
      if (asked !== this.asked) return;
      const follow = this.panel.scrollHeight - this.panel.scrollTop - this.panel.clientHeight < 60;
      for (const item of items) group = addActivity(list, item, group);
      say(state, "");
      if (follow) this.panel.scrollTop = this.panel.scrollHeight;
    };
    this.close = stream(`${this.callBase}/activity`, {
      activity: (items) => { if (items.length) add(items); },
      gone: () => state.replaceChildren(...coded("The folder of this call is gone: `llmauto clean` removes those of old runs.")),
      over: () => { if (!list.childElementCount) say(state, "Nothing of this call was to be seen."); },
    }, { once: true });
  }

  async handoff(put) {
    const found = await get(`${this.base}/bars/${this.bar.index}/handoff`);
    if (!found.after) return put(h("p", { class: "hint" }, found.before ? "What came in; nothing has gone out yet." : "No handoff came in, and none went out."), found.before ? block(found.before, "Handoff") : "");
    const note = found.same ? "The handoff was passed on as it came." : "Both are the same.";
    const tools = h("details", {}, h("summary", {}, "The whole text that went out"), block(found.after || "(none)", "Handoff"));
    return put(diffView(found.lines, note), ...(found.after ? [tools] : []));
  }

  async diff(put) {
    const kept = Boolean(this.bar.before && this.bar.after);
    this.ofRound = this.ofRound || !kept;
    const whole = h("button", { type: "button", class: "quiet", "aria-pressed": String(Boolean(this.ofRound)) }, "Whole round");
    whole.addEventListener("click", () => { this.ofRound = !this.ofRound; this.open("diff"); });
    const path = this.ofRound ? `rounds/${this.bar.round}/diff` : `bars/${this.bar.index}/diff`;
    const found = await get(`${this.base}/${path}`);
    const none = found.problem || "Nothing in the workdir was changed.";
    put(h("div", { class: "row" }, whole, found.cut ? h("span", { class: "hint" }, coded("cut: `llmauto chain diff` shows all")) : ""),
      diffView(found.lines, none));
  }

  async compare(put) {
    const rounds = this.run.roundNumbers();
    const b = this.b ?? this.bar.round;
    const a = this.a ?? rounds.filter((n) => n < b).at(-1) ?? b;
    const pick = (label, value, choose) => h("label", {}, `${label} `, h("select", {
      onchange: (event) => { choose(Number(event.target.value)); this.open("compare"); },
    }, rounds.map((n) => h("option", { value: n, selected: n === value }, `R${n}`))));
    const found = await get(`${this.base}/compare?a=${a}&b=${b}&link=${encodeURIComponent(this.bar.link)}`);
    const rows = this.run.links().map((link) => h("tr", {}, h("th", { scope: "row" }, link),
      [a, b].map((n) => h("td", {}, this.run.barsOf(n, link).map((bar) => h("div", {}, [
        bar.outcome || "at work", duration((bar.ended_at || this.run.now()) - bar.started_at), calls(bar) ? money(bar.cost_usd ?? 0, bar.unknown_costs) : "", bar.verdict,
      ].filter(Boolean).join(" · ")))))));
    put(h("div", { class: "row" }, pick("Round", a, (n) => { this.a = n; }), pick("with", b, (n) => { this.b = n; })),
      h("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "Both rounds" }, h("table", {}, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Link"), h("th", { scope: "col" }, `R${a}`), h("th", { scope: "col" }, `R${b}`))), h("tbody", {}, rows))),
      h("h3", {}, `Handoff of ${this.bar.link}, R${a} → R${b}`),
      diffView(found.handoff.lines, "No difference, or no handoff of this link in one of the two."),
      h("h3", {}, "Files at the end of the rounds"),
      diffView(found.files.lines, found.files.problem || "No difference."));
  }

  async prompt(put) {
    if (this.noCall(put)) return;
    const found = await get(`${this.callBase}/prompt`);
    put(block(found.text || "(not kept)", "Prompt"));
  }

  async result(put) {
    if (this.noCall(put)) return;
    const found = await get(`${this.callBase}/result`);
    if (!found.ended) return put(h("p", { class: "hint" }, "The call has not ended."));
    const { ended } = found;
    const facts = [["Exit code", ended.exit_code ?? "none"], ["Ended by", ended.ended_by], ["Took", duration(ended.seconds)],
      ["Said", found.message], ["What mends it", found.hint], ["Warnings", found.warnings?.join("; ")], ["Denied", found.denials?.join(", ")]];
    return put(h("dl", {}, facts.filter(([, value]) => value !== "" && value !== null && value !== undefined)
      .map(([name, value]) => [h("dt", {}, name), h("dd", {}, coded(value))])),
    block(found.text || "(no final text)", "Final text"));
  }

  async errors(put) {
    const errors = this.run.errors();
    if (!errors.length) return put(h("p", { class: "hint" }, "Nothing went wrong."));
    return put(h("ul", { class: "errors" }, errors.slice().reverse().map((one) => h("li", {},
      h("strong", {}, `${one.outcome}${one.final ? ", for good" : ""}`),
      h("span", { class: "hint" }, ` R${one.round} ${one.link} · ${clock(one.at, true)}`),
      h("div", {}, coded(one.message)), one.hint ? h("div", { class: "hint" }, coded(`What mends it: ${one.hint}`)) : ""))));
  }

  async raw(put) {
    const parts = [];
    if (this.call) {
      const found = await get(`${this.callBase}/raw`).catch((error) => ({ stdout: "", stderr: error.message }));
      parts.push(h("h3", {}, "stdout, its end"), block(found.stdout || "(nothing)", "stdout"),
        h("h3", {}, "stderr, its end"), block(found.stderr || "(nothing)", "stderr"));
    }
    parts.push(h("h3", {}, "This turn, as it is kept"), block(JSON.stringify(this.bar, null, 2), "JSON"));
    put(...parts);
  }
}

const calls = (bar) => bar.attempts.length > 0;

function addActivity(list, item, group) {
  if (item.kind === "tool" || item.kind === "tool_result") {
    const words = item.kind === "tool" ? `${item.tool} ${item.detail}`.trim() : item.text || item.detail;
    if (!group) {
      const summary = h("summary", {});
      const body = h("div", { class: "calls" });
      group = { summary, body, tools: 0, names: new Map() };
      list.append(h("details", { class: "toolbox" }, summary, body));
    }
    if (item.kind === "tool") {
      group.tools += 1;
      group.names.set(item.tool, (group.names.get(item.tool) ?? 0) + 1);
      const names = [...group.names].map(([name, n]) => (n > 1 ? `${name} ×${n}` : name)).join(", ");
      say(group.summary, `${count(group.tools, "tool call")} · ${names} · ${item.detail}`);
    }
    group.body.append(h("div", { class: item.kind }, words));
    return group;
  }
  const text = item.kind === "session" ? `session ${item.text}${item.detail ? ` with ${item.detail}` : ""}` : item.text;
  if (item.text.trim()) list.append(h("div", { class: `said ${item.kind}` }, text));
  return null;
}

export const spark = (value, most) => s("svg", { class: "spark", viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" },
  s("rect", { width: most ? Math.max(value > 0 ? 1 : 0, (100 * value) / most) : 0, height: 8, rx: 1 }));
