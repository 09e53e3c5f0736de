// A run as it goes: the answers at the top, the lanes, one turn closely, and what was said.

import { announce, byId, chip, clock, coded, count, duration, h, menu, money, say, set, tokens } from "./dom.js";
import { get, post, stream } from "./net.js";
import { Detail } from "./detail.js";
import { Lanes } from "./lanes.js";

const NEEDS = { gate: "Approve?", question: "A question to you", blocked: "Blocked", failed: "Failed", budget: "Out of money", died: "The runner has died", paused: "Paused" };

const time = (at) => new Date(at * 1000).toTimeString().slice(0, 8);

export function ask({ title, text, label, button, danger = false, required = false, act }) {
  const dialog = byId("dialog");
  const field = label ? h("textarea", { id: "dialog-text", rows: "4", maxlength: "60000" }) : null;
  const problem = h("p", { class: "problem", role: "alert" });
  const form = h("form", { method: "dialog" }, h("h2", { id: "dialog-title" }, title), text ? h("p", {}, text) : "",
    field ? [h("label", { for: "dialog-text" }, label), field] : "", problem,
    h("div", { class: "row last" }, h("button", { type: "button", onclick: () => dialog.close() }, "Cancel"),
      h("button", { type: "submit", class: danger ? "primary danger" : "primary" }, button)));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const words = field?.value.trim() ?? "";
    if (required && !words) { say(problem, "Write something first."); field.focus(); return; }
    try {
      await act(words);
      dialog.close();
    } catch (error) {
      say(problem, error.message);
    }
  });
  dialog.replaceChildren(form);
  dialog.showModal();
  (field ?? form.querySelector("[type=submit]")).focus();
}

export class RunPage {
  constructor(id) {
    this.id = id;
    this.bars = new Map();
    this.rounds = new Map();
    this.follows = true;
    this.drift = 0;
    this.answers = h("section", { class: "answers", "aria-label": "Where the run stands" });
    this.needs = h("div", { class: "needs" });
    this.ending = h("div", { class: "ending" });
    this.lanes = new Lanes((index) => this.choose(index, true));
    this.detail = new Detail({
      id, now: () => this.now(), errors: () => this.data?.errors ?? [], links: () => this.data.links,
      roundNumbers: () => [...this.rounds.keys()].sort((a, b) => a - b),
      barsOf: (round, link) => [...this.bars.values()].filter((bar) => bar.round === round && bar.link === link),
    });
    this.log = h("ol", { class: "log", "aria-label": "What happened" });
    this.logBox = h("div", { class: "logbox", tabindex: "0", role: "region", "aria-label": "What happened" }, this.log);
    this.lanes.earlier.addEventListener("click", () => this.loadEarlier());
    this.root = h("div", { class: "run" }, this.answers, this.needs, this.ending, this.lanes.root,
      h("div", { class: "under" }, this.detail.root,
        h("section", { class: "happened", "aria-label": "Events" }, h("h2", {}, "What happened"), this.logBox)));
    this.wait = h("p", { class: "hint" }, "Reading the run …");
    this.root.prepend(this.wait);
    this.closeStream = stream(`/api/runs/${encodeURIComponent(id)}/stream`, {
      whole: (data) => this.take(data, true),
      patch: (data) => this.take(data, false),
      gone: () => this.gone(),
    });
    this.ticker = setInterval(() => this.tick(), 1000);
    this.onSize = () => this.drawLanes();
    addEventListener("resize", this.onSize);
  }

  close() {
    this.closeStream();
    this.detail.close();
    clearInterval(this.ticker);
    removeEventListener("resize", this.onSize);
  }

  gone() {
    this.close();
    this.root.replaceChildren(h("div", { class: "tophead" }, h("h1", {}, "This run is not known")),
      h("p", {}, "It was forgotten by a reset, or cleaned away. "), h("a", { href: "#/" }, "All runs"));
  }

  /** The server's clock, which is the one that the times are of. */
  now() { return Date.now() / 1000 + this.drift; }

  take(data, whole) {
    this.wait?.remove();
    this.wait = null;
    if (!whole && data.position < this.data.position) return;
    const again = !whole && data.position === this.data.position;
    this.drift = data.now - Date.now() / 1000;
    if (whole) {
      this.bars.clear();
      this.rounds.clear();
      this.log.replaceChildren();
      this.day = "";
      this.data = data;
    } else {
      const said = again ? this.data.errors : [...this.data.errors, ...data.errors].slice(-400);
      Object.assign(this.data, data, { errors: said });
    }
    for (const bar of data.bars) this.bars.set(bar.index, { started_at: 0, ended_at: 0, outcome: "", ...bar });
    for (const one of data.rounds) this.rounds.set(one.round, one);
    if (!again) this.addLines(data.lines, whole);
    if (!this.frame) this.frame = requestAnimationFrame(() => { this.frame = 0; this.draw(); });
  }

  addLines(lines, whole) {
    const follow = whole || this.logBox.scrollHeight - this.logBox.scrollTop - this.logBox.clientHeight < 40;
    for (const one of lines) {
      const day = new Date(one.at * 1000).toDateString();
      if (this.day !== day) this.log.append(h("li", { class: "day" }, day));
      this.day = day;
      this.log.append(h("li", { class: one.kind }, h("time", {}, time(one.at)), h("b", {}, one.about), h("span", {}, coded(one.said))));
    }
    while (this.log.childElementCount > 400) this.log.firstElementChild.remove();
    if (follow) requestAnimationFrame(() => { this.logBox.scrollTop = this.logBox.scrollHeight; });
    if (!whole && lines.length) announce(`${lines.at(-1).about} ${lines.at(-1).said}`);
  }

  async loadEarlier() {
    const found = await get(`/api/runs/${encodeURIComponent(this.id)}/bars?before=${this.data.bars_from}`);
    for (const bar of found.bars) this.bars.set(bar.index, bar);
    for (const one of found.rounds) this.rounds.set(one.round, one);
    const inOrder = (map) => new Map([...map].sort((a, b) => a[0] - b[0]));
    this.bars = inOrder(this.bars);
    this.rounds = inOrder(this.rounds);
    this.data.bars_from = found.bars_from;
    this.drawLanes();
  }

  choose(index, byHand = false) {
    const bar = this.bars.get(index);
    if (!bar) return;
    const newest = [...this.bars.keys()].at(-1);
    this.follows = !byHand || index === newest;
    this.lanes.mark(index);
    this.detail.show(bar);
  }

  draw() {
    const { head } = this.data;
    document.title = `${head.needs.length ? "⚠ " : ""}${head.chain} · ${head.status} · llmauto`;
    this.drawAnswers(head);
    this.drawNeeds(head);
    this.drawEnding(head);
    this.lanes.earlier.hidden = !this.data.bars_from;
    this.drawLanes();
    const shown = [...this.bars.values()].filter((bar) => bar.kind !== "baseline");
    const newest = shown.findLast((bar) => bar.kind !== "skipped") ?? shown.at(-1);
    if (!newest) return;
    if (this.follows && this.lanes.chosen !== newest.index) this.choose(newest.index);
    else {
      const bar = this.bars.get(this.lanes.chosen);
      if (bar) this.detail.show(bar);
    }
  }

  drawLanes() {
    if (this.data) this.lanes.draw({ bars: this.bars, rounds: this.rounds, links: this.data.links, pauses: this.data.pauses }, this.now());
  }

  tick() {
    if (!this.data || document.hidden) return;
    this.drawAnswers(this.data.head);
    if (this.data.head.ticks && this.data.runner) this.drawLanes();
    if (this.detail.bar && !this.detail.bar.ended_at) this.detail.drawAbout();
  }

  // --- the answers ------------------------------------------------------------------------------

  drawAnswers(head) {
    const now = this.now();
    const rounds = head.max_rounds ? `round ${head.round} of ${head.max_rounds}` : `round ${head.round}`;
    const doing = head.link && !head.stop_reason ? ` · ${head.link}${head.since ? ` ${duration(now - head.since)}` : ""}` : "";
    const runtime = head.runtime_s + (head.ticks && this.data.runner ? Math.max(0, now - head.runtime_at) : 0);
    const waits = head.wait_until ? `waits until ${clock(head.wait_until)} (${duration(head.wait_until - now)}): ${head.wait_why}` : head.wait_why ? `waits for ${head.wait_why}` : "";
    const cost = money(head.cost_usd, head.cost_usd ? 0 : head.unknown_costs);
    const stands = !head.stop_reason && head.needs.some((need) => need.kind === "gate" || need.kind === "paused");
    const values = {
      what: rounds + doing,
      whatMore: waits || [head.model, head.attempt > 1 ? `attempt ${head.attempt}` : "", head.task].filter(Boolean).join(" · "),
      cost: head.budget_usd ? `≈${cost} of $${head.budget_usd}` : `≈${cost}`,
      costMore: [head.cost_usd && head.unknown_costs ? `+ ${count(head.unknown_costs, "call")} of unknown cost` : "", count(head.calls, "call"), head.failed_calls ? `${head.failed_calls} failed` : "", head.tokens ? tokens(head.tokens) : ""].filter(Boolean).join(" · "),
      time: head.runtime_limit_s ? `${duration(runtime)} of ${duration(head.runtime_limit_s)}` : duration(runtime),
      timeMore: head.ended_at ? `from ${clock(head.started_at)}` : `since ${clock(head.started_at)}`,
      endsName: head.stop_reason ? "When did it end, and why" : "When does it end",
      ends: stands ? "waits for you" : head.ends_at ? `≈${clock(head.ends_at)}` : head.stop_reason ? clock(head.ended_at) : "open",
      endsMore: stands ? "its own time stands still" : head.ends_at ? `in ${duration(head.ends_at - now)}, by its ${head.ends_by}` : head.stop_reason ? `${head.stop_reason}${head.exit_code === null ? "" : `, exit code ${head.exit_code}`}` : "nothing to guess from yet",
    };
    if (!this.parts) this.makeAnswers();
    const { parts } = this;
    say(parts.chain, head.chain);
    if (parts.status.textContent !== head.status) parts.status.replaceChildren(chip(head.status));
    for (const [name, text] of Object.entries(values)) say(parts[name], (text ?? "").replaceAll("`", ""));
    meter(parts.costMeter, head.budget_usd ? head.cost_usd ?? 0 : null, head.budget_usd);
    meter(parts.timeMeter, head.runtime_limit_s ? runtime : null, head.runtime_limit_s);
    meter(parts.roundMeter, head.max_rounds ? this.doneRounds(head) : null, head.max_rounds, false);
    this.drawButtons(head);
  }

  doneRounds(head) {
    return head.stop_reason ? head.round : Math.max(0, head.round - 1);
  }

  makeAnswers() {
    const text = (kind) => h("span", { class: kind });
    const parts = this.parts = {
      chain: h("h1", {}), status: h("span", {}), buttons: h("div", { class: "buttons" }),
      what: text("big"), whatMore: text("more"), cost: text("big"), costMore: text("more"), time: text("big"),
      timeMore: text("more"), endsName: h("span", { class: "name" }), ends: text("big"), endsMore: text("more"),
      roundMeter: h("div", { class: "meter" }, h("i")), costMeter: h("div", { class: "meter" }, h("i")), timeMeter: h("div", { class: "meter" }, h("i")),
    };
    const fact = (name, ...inside) => h("div", { class: "fact" }, h("span", { class: "name" }, name), ...inside);
    this.answers.replaceChildren(
      h("div", { class: "title" }, parts.chain, parts.status, h("span", { class: "id" }, this.id), parts.buttons),
      h("div", { class: "factrow" },
        fact("What", parts.what, parts.roundMeter, parts.whatMore), fact("How much", parts.cost, parts.costMeter, parts.costMore),
        fact("How long", parts.time, parts.timeMeter, parts.timeMore), h("div", { class: "fact" }, parts.endsName, parts.ends, parts.endsMore)));
  }

  drawButtons(head) {
    const paused = head.needs.some((need) => need.kind === "paused");
    const state = JSON.stringify([this.data.runner, head.stop_reason, paused, head.stop_asked !== null && head.stop_asked !== undefined]);
    if (this.buttonState === state) return;
    this.buttonState = state;
    const { buttons } = this.parts;
    if (!this.data.runner || head.stop_reason) return void buttons.replaceChildren();
    const steer = h("button", { type: "button", onclick: () => this.steer() }, "Steer");
    const pause = paused
      ? h("button", { type: "button", onclick: () => this.do("resume") }, "Resume")
      : h("button", { type: "button", onclick: () => this.do("pause") }, "Pause");
    const stop = menu("Stop ▾", [
      ["After this link", () => this.stop("stop")],
      ["Now: end the call", () => this.stop("stop_now")],
    ], { class: "danger" });
    const asked = head.stop_asked !== null && head.stop_asked !== undefined
      ? h("span", { class: "hint" }, "stops after this link") : "";
    buttons.replaceChildren(...[asked, steer, pause, stop].filter(Boolean));
  }

  drawNeeds(head) {
    const state = JSON.stringify([head.needs, this.data.runner, head.next]);
    if (this.needState === state) return;
    this.needState = state;
    this.needs.replaceChildren(...head.needs.map((need) => h("div", { class: `need ${need.kind}`, role: "alert" },
      h("div", { class: "words" }, h("strong", {}, NEEDS[need.kind] ?? "Needs you"),
        h("span", {}, coded(`${need.link ? `${need.link}: ` : ""}${need.text}${need.until ? ` until ${clock(need.until)}` : ""}`))),
      need.kind === "gate" ? h("div", { class: "row" },
        h("button", { type: "button", onclick: () => this.detail.open("handoff") }, "Handoff"),
        h("button", { type: "button", onclick: () => this.detail.open("diff") }, "Diff"),
        h("button", { type: "button", class: "primary", onclick: () => this.do("approve") }, "Approve"),
        h("button", { type: "button", class: "danger", onclick: () => this.deny() }, "Deny …")) : "")));
    if (head.needs.length) announce(`Needs you: ${head.needs[0].text}`);
  }

  drawEnding(head) {
    const shows = Boolean(head.stop_reason);
    const state = JSON.stringify([head.stop_reason, head.message, head.next]);
    if (this.endState === state) return;
    this.endState = state;
    if (!shows) return void this.ending.replaceChildren();
    const copy = h("button", { type: "button", class: "quiet" }, "Copy");
    copy.addEventListener("click", async () => { await navigator.clipboard?.writeText(head.next); say(copy, "Copied"); });
    this.ending.replaceChildren(h("div", { class: "end" },
      h("span", {}, h("strong", {}, `Ended: ${head.stop_reason}`), head.message && head.needs[0]?.text !== head.message ? coded(` · ${head.message}`) : ""),
      h("span", { class: "next" }, "next ", h("code", {}, head.next), copy, h("span", { class: "hint" }, coded(head.next_why)))));
  }

  // --- what is asked ----------------------------------------------------------------------------

  async send(kind, text = "") {
    const found = await post(`/api/chains/${encodeURIComponent(this.data.head.chain)}/ask`, { kind, text });
    announce(found.said);
    this.toast(found.said);
  }

  async do(kind) {
    try {
      await this.send(kind);
    } catch (error) {
      this.toast(error.message, true);
    }
  }

  toast(text, bad = false) {
    const note = h("div", { class: bad ? "toast bad" : "toast", role: bad ? "alert" : null }, coded(text));
    document.body.append(note);
    setTimeout(() => note.remove(), 5000);
  }

  steer() {
    ask({
      title: "Steer", label: "What should the next agent know?", button: "Send", required: true,
      text: "It reaches the next link's agent as a file that its prompt names, once this link is over.",
      act: (words) => this.send("steer", words),
    });
  }

  stop(kind) {
    const now = kind === "stop_now";
    ask({
      title: now ? "Stop now" : "Stop after this link", label: "Why, for the record (may be empty)", danger: true,
      button: now ? "End the call" : "Stop", text: now ? "The agent gets its grace to end, then it is killed. The next start goes on here." : "The agent may finish. The next start goes on from there.",
      act: (words) => this.send(kind, words),
    });
  }

  deny() {
    ask({
      title: "Deny", label: "Why? The next agent is told.", button: "Deny", danger: true,
      act: (words) => this.send("deny", words),
    });
  }
}

function meter(element, value, most, warns = true) {
  element.hidden = value === null;
  if (value === null) return;
  const part = Math.min(1, most ? value / most : 0);
  element.firstElementChild.style.width = `${(part * 100).toFixed(1)}%`;
  set(element, { class: warns && part > 0.9 ? "meter high" : "meter" });
}
