// What runs cost, how long they took, how they ended.

import { count, duration, h, money, s, tokens } from "./dom.js";
import { get } from "./net.js";
import { spark } from "./detail.js";

const WORDS = { link: "By link", model: "By model", outcome: "By outcome", verdict: "By verdict" };

export class FiguresPage {
  constructor() {
    this.chain = "";
    this.root = h("div", { class: "figures" }, h("p", { class: "hint" }, "Adding up …"));
    document.title = "Figures · llmauto";
    this.load();
  }

  close() { this.closed = true; }

  async load() {
    try {
      this.names ??= [...new Set((await get("/api/overview")).runs.map((run) => run.chain))].sort();
      const query = this.chain ? `?chain=${encodeURIComponent(this.chain)}` : "";
      this.draw(await get(`/api/stats${query}`));
    } catch (error) {
      this.root.replaceChildren(h("p", { class: "hint" }, error.message));
    }
  }

  draw(data) {
    if (this.closed) return;
    const tile = (words, value) => h("div", { class: "tile" }, h("b", {}, value), h("span", {}, words));
    const select = h("select", { onchange: (event) => { this.chain = event.target.value; this.load(); } }, h("option", { value: "" }, "all chains"),
      this.names.map((name) => h("option", { value: name, selected: name === this.chain }, name)));
    this.root.replaceChildren(
      h("div", { class: "row spread" }, h("h1", {}, "Figures"), h("label", {}, "Of ", select)),
      h("div", { class: "tiles" }, tile("runs", String(data.runs)), tile("rounds", String(data.rounds)), tile("at work", duration(data.runtime_s)),
        tile("calls", `${data.calls}`), tile("cost", money(data.cost_usd, data.unknown_costs)), tile("tokens", tokens(data.tokens).replace(/ tokens?$/, ""))),
      ...(data.calls ? this.tables(data) : [h("p", { class: "none" }, "No call was made yet.")]));
  }

  tables(data) {
    return [h("section", {}, h("h2", {}, "Cost by day"), days(data.by.day)),
      h("div", { class: "grid" }, Object.keys(WORDS).map((by) => h("section", {}, h("h2", {}, WORDS[by]), table(by, data.by[by]))),
        h("section", {}, h("h2", {}, "How runs ended"), counts(data.stop_reasons)))];
  }
}

function table(by, rows) {
  const most = Math.max(...rows.map((row) => row.cost_usd ?? 0), 0);
  const longest = Math.max(...rows.map((row) => row.seconds), 0);
  const head = [by, "calls", "failed", "time", "cost", ""];
  return h("div", { class: "wide", tabindex: "0", role: "region", "aria-label": WORDS[by] }, h("table", {}, h("thead", {}, h("tr", {}, head.map((word, at) => (at === 5 ? h("td", {}) : h("th", { scope: "col" }, word))))),
    h("tbody", {}, rows.map((row) => h("tr", {}, h("th", { scope: "row" }, row[by]), h("td", {}, String(row.calls)),
      h("td", {}, row.failed_calls ? String(row.failed_calls) : "–"), h("td", {}, duration(row.seconds)), h("td", {}, money(row.cost_usd, row.unknown_costs)),
      h("td", { class: "sparkcell" }, most ? spark(row.cost_usd ?? 0, most) : spark(row.seconds, longest)))))));
}

function counts(reasons) {
  const most = Math.max(...Object.values(reasons), 0);
  return h("table", {}, h("tbody", {}, Object.entries(reasons).sort((a, b) => b[1] - a[1]).map(([name, n]) => h("tr", {}, h("th", { scope: "row" }, name),
    h("td", {}, String(n)), h("td", { class: "sparkcell" }, spark(n, most))))));
}

function days(rows) {
  const shown = rows.slice(-30);
  const most = Math.max(...shown.map((row) => row.cost_usd ?? 0), 0.01);
  const wide = 34;
  const bars = shown.map((row, at) => {
    const height = ((row.cost_usd ?? 0) / most) * 110;
    const text = `${row.day}: ${money(row.cost_usd, row.unknown_costs)}, ${count(row.calls, "call")}`;
    return s("g", {}, s("title", {}, text), s("rect", { class: "column", x: at * wide + 4, y: 126 - height, width: wide - 8, height: Math.max(height, 1), rx: 3 }),
      s("text", { class: "tick", x: at * wide + wide / 2, y: 144, "text-anchor": "middle" }, row.day.slice(8)),
      height > 0 ? s("text", { class: "tick", x: at * wide + wide / 2, y: 120 - height, "text-anchor": "middle" }, row.cost_usd >= 10 ? Math.round(row.cost_usd) : row.cost_usd.toFixed(1)) : "");
  });
  return h("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "Cost by day" }, s("svg", { role: "img", "aria-label": shown.map((row) => `${row.day} ${money(row.cost_usd, row.unknown_costs)}`).join(", "),
    width: Math.max(shown.length * wide, 60), height: 150 }, bars));
}
