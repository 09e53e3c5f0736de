// All runs of the home, and who needs somebody.

import { chip, clock, coded, count, duration, h, money } from "./dom.js";
import { stream } from "./net.js";

const WHO = { BLOCKED: true, FAILED: true, PAUSED: true };

export class HomePage {
  constructor() {
    this.filter = "";
    this.root = h("div", { class: "home" }, h("p", { class: "hint" }, "Reading the runs …"));
    this.closeStream = stream("/api/overview/stream", { overview: (data) => { this.data = data; this.draw(); } });
    document.title = "Runs · llmauto";
  }

  close() { this.closeStream(); }

  draw() {
    const { chains, runs, now } = this.data;
    const kept = document.activeElement?.id === "filter";
    const needs = chains.filter((one) => needsYou(one));
    const going = chains.filter((one) => one.runner);
    const midnight = new Date().setHours(0, 0, 0, 0) / 1000;
    const today = runs.filter((run) => run.started_at >= midnight);
    const cost = today.reduce((sum, run) => sum + (run.cost_usd ?? 0), 0);
    const unknown = today.reduce((sum, run) => sum + run.unknown_costs, 0);
    const tile = (words, value, kind = "") => h("div", { class: `tile ${kind}` }, h("b", {}, value), h("span", {}, words));
    const select = h("select", { id: "filter", onchange: (event) => { this.filter = event.target.value; this.draw(); } },
      h("option", { value: "" }, "all chains"),
      [...new Set(runs.map((run) => run.chain))].sort().map((name) => h("option", { value: name, selected: name === this.filter }, name)));
    const shown = runs.filter((run) => !this.filter || run.chain === this.filter);
    this.root.replaceChildren(
      h("div", { class: "tophead" }, h("h1", {}, "Runs"), h("span", { class: "id" }, this.data.home)),
      h("div", { class: "tiles" }, tile(going.length === 1 ? "run goes on" : "runs go on", String(going.length), going.length ? "open" : ""),
        tile(needs.length === 1 ? "needs you" : "need you", String(needs.length), needs.length ? "wait" : ""),
        tile("runs today", String(today.length)), tile("spent by them", money(cost, unknown))),
      ...needs.map((one) => h("a", { class: "need link", href: `#/run/${encodeURIComponent(one.run)}` },
        h("strong", {}, one.chain), h("span", {}, `${one.status}: ${one.wait_why ?? one.message ?? one.stop_reason ?? ""}`.replaceAll("`", "")))),
      h("div", { class: "row spread" }, h("h2", {}, "All runs"), h("label", {}, "Show ", select)),
      shown.length ? this.table(shown, now) : h("p", { class: "none" }, coded("No run of this home has begun yet. `llmauto chain start demo` shows one: it needs no model and no key.")));
    if (kept) document.getElementById("filter").focus();
  }

  table(runs, now) {
    const head = ["Chain", "Status", "Round", "Runtime", "Cost", "Calls", "Began", "Why, or where"];
    const row = (run) => {
      const rounds = run.max_rounds ? `${run.round ?? 0} of ${run.max_rounds}` : String(run.round ?? 0);
      const live = !run.ended_at && run.status === "RUNNING";
      const why = run.wait_why ? `waits: ${run.wait_why}` : run.ended_at || run.stop_reason ? run.message ?? run.stop_reason : run.link ? `link ${run.link}` : "";
      const cells = [
        h("a", { href: `#/run/${encodeURIComponent(run.run)}` }, run.chain), chip(run.status), rounds,
        duration(run.runtime_s + (live ? Math.max(0, now - run.updated_at) : 0)), money(run.cost_usd, run.unknown_costs),
        [run.calls, h("span", { class: "unit" }, run.calls === 1 ? " call" : " calls"), run.failed_calls ? `, ${run.failed_calls} failed` : ""], clock(run.started_at), (why ?? "").replaceAll("`", ""),
      ];
      return h("tr", {}, cells.map((cell, at) => h(at ? "td" : "th", { scope: at ? null : "row", "data-name": head[at] }, cell)));
    };
    return h("div", { class: "wide", tabindex: "0", role: "region", "aria-label": count(runs.length, "run") },
      h("table", { class: "cards" }, h("thead", {}, h("tr", {}, head.map((word) => h("th", { scope: "col" }, word)))), h("tbody", {}, runs.map(row))));
  }
}

function needsYou(one) {
  if (!one.run) return false;
  return Boolean(WHO[one.status]) || one.runner_died || /^approval of gate/.test(one.wait_why ?? "");
}
