// Links are lanes, rounds go by over time: the picture of a run.

import { duration, h, money, s, say, set } from "./dom.js";

const LANE = 36;
const HEAD = 28;
const FOOT = 50;
const PER_ROUND = 96;
const GOOD = new Set(["done", "approved"]);
const WAIT = new Set(["limited", "overloaded", "offline", "blocked", "needs_human", "stopped"]);
const GLYPHS = { bad: "✗", wait: "‖", gate: "◇", open: "●" };
const VERDICTS = { APPROVED: "v-good", BLOCKED: "v-bad" };

export function kindOf(bar) {
  if (bar.kind === "skipped" || bar.outcome === "skipped") return "skip";
  if (!bar.ended_at) return bar.kind === "gate" ? "gate" : WAIT.has(bar.outcome) ? "wait" : "open";
  if (bar.failed) return "bad";
  if (bar.kind === "gate") return "gate";
  if (GOOD.has(bar.outcome)) return "good";
  return WAIT.has(bar.outcome) ? "wait" : "bad";
}

export function told(bar, now) {
  const parts = [`round ${bar.round}, ${bar.link}: ${bar.outcome || (bar.kind === "gate" ? "waits for you" : "at work")}`];
  if (bar.kind !== "skipped") parts.push(duration((bar.ended_at || now) - bar.started_at));
  if (bar.attempts.length) parts.push(money(bar.cost_usd ?? 0, bar.unknown_costs));
  if (bar.attempts.length > 1) parts.push(`${bar.attempts.length} attempts`);
  if (bar.verdict) parts.push(`verdict ${bar.verdict}`);
  const why = bar.message || bar.why;
  if (why) parts.push(why.slice(0, 160));
  return parts.join(" · ");
}

/** Places of moments. Stretches in which nothing is done are shortened, and named in `breaks`. */
function timeline(spans, width) {
  const busy = [];
  for (const [begin, end] of spans.sort((a, b) => a[0] - b[0])) {
    const last = busy.at(-1);
    if (last && begin <= last[1]) last[1] = Math.max(last[1], end);
    else busy.push([begin, end]);
  }
  const work = busy.reduce((sum, [begin, end]) => sum + end - begin, 0) || 1;
  const most = Math.max(0.05 * work, 1);
  const times = [busy[0][0]];
  const places = [0];
  const breaks = [];
  busy.forEach(([begin, end], at) => {
    if (at) {
      const gap = begin - busy[at - 1][1];
      times.push(begin);
      places.push(places.at(-1) + Math.min(gap, most));
      if (gap > most) breaks.push([busy[at - 1][1], begin]);
    }
    times.push(end);
    places.push(places.at(-1) + end - begin);
  });
  const factor = width / (places.at(-1) || 1);
  const at = (time) => {
    let low = 0;
    let high = times.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (times[middle] <= time) low = middle + 1;
      else high = middle;
    }
    if (low === 0) return 0;
    if (low === times.length) return width;
    const length = times[low] - times[low - 1];
    const part = length ? (time - times[low - 1]) / length : 0;
    return (places[low - 1] + part * (places[low] - places[low - 1])) * factor;
  };
  return { at, breaks };
}

/** When work was done. Waits inside a turn are none, and take little room; so does a gate that waits. */
function spans(bars, now) {
  const found = bars.flatMap((bar) => bar.attempts.map((one) => [one.started_at, one.ended_at || bar.ended_at || now]));
  const moments = bars.flatMap((bar) => (bar.attempts.length ? (bar.ended_at ? [] : [now]) : [bar.started_at, bar.ended_at || now]));
  return [...found, ...moments.map((at) => [at, at])];
}

function kindOfAttempt(attempt, bar) {
  if (!attempt.outcome) return bar.ended_at ? "wait" : "open";
  if (attempt.outcome === "skipped") return "skip";
  if (GOOD.has(attempt.outcome)) return bar.failed ? "bad" : "good";
  return WAIT.has(attempt.outcome) ? "wait" : "bad";
}

const WAITED = { gate: "waited for a person", pause: "paused", stopped: "nobody ran it" };

function awayWords(pauses, begin, end) {
  const pause = pauses.find((one) => one.started_at < end && (one.ended_at || end) > begin);
  const why = pause ? WAITED[pause.kind] ?? `waited for ${pause.why}` : "nothing was played";
  return `${duration(end - begin)}: ${why}`;
}

export class Lanes {
  constructor(choose) {
    this.choose = choose;
    this.zoom = 1;
    this.chosen = -1;
    this.shapes = new Map();
    this.labels = new Map();
    this.names = h("div", { class: "names", "aria-hidden": "true" });
    this.back = s("g");
    this.marks = s("g");
    this.front = s("g");
    this.svg = s("svg", { role: "group", "aria-label": "Links over time. Arrow keys go from bar to bar." }, this.back, this.marks, this.front);
    this.scroll = h("div", { class: "scroll" }, this.svg);
    this.earlier = h("button", { type: "button", class: "quiet", hidden: true }, "Earlier rounds");
    const zoom = (label, words, act) =>
      h("button", { type: "button", class: "quiet", "aria-label": words, title: words, onclick: act }, label);
    this.tools = h("div", { class: "tools" }, this.earlier,
      zoom("−", "Smaller", () => this.resize(this.zoom / 1.6)),
      zoom("Fit", "Fit all rounds into the width", () => this.resize(0)),
      zoom("+", "Larger", () => this.resize((this.zoom || this.fitting()) * 1.6)));
    this.root = h("section", { class: "lanes", "aria-label": "Rounds over time" },
      h("div", { class: "picture" }, this.names, this.scroll),
      h("div", { class: "below" }, this.key(), this.tools));
    this.svg.addEventListener("keydown", (event) => this.walk(event));
  }

  key() {
    const words = [["good", "done"], ["bad", "failed"], ["wait", "waited or stopped"], ["skip", "passed over"],
      ["gate", "gate"], ["open", "at work"]];
    return h("div", { class: "key" }, words.map(([kind, word]) => h("span", {}, h("i", { class: kind }), word)));
  }

  fitting() {
    const rounds = Math.max(1, this.run?.rounds.size ?? 1);
    return this.scroll.clientWidth / (rounds * PER_ROUND);
  }

  resize(zoom) {
    this.zoom = Math.min(zoom, 12);
    this.draw(this.run, this.now, true);
  }

  draw(run, now, resized = false) {
    if (!run) return;
    this.run = run;
    this.now = now;
    const bars = [...run.bars.values()].filter((bar) => bar.kind !== "baseline" && run.links.includes(bar.link));
    this.drawNames(run.links);
    if (!bars.length) return;
    const view = this.scroll.clientWidth || 600;
    const first = bars[0].round;
    const rounds = [...run.rounds.values()].filter((one) => one.round >= first);
    const width = Math.max(view - 2, this.zoom ? rounds.length * PER_ROUND * this.zoom : 0);
    const height = HEAD + LANE * run.links.length + FOOT;
    const atEnd = this.scroll.scrollLeft + view >= (Number(this.svg.getAttribute("width")) || 0) - 24;
    set(this.svg, { width: Math.round(width), height });
    const line = timeline(spans(bars, now), width);
    this.drawBack(run, rounds, line, width, height);
    this.drawBars(bars, run.links, line, now);
    if (atEnd || resized) this.scroll.scrollLeft = resized && !atEnd ? this.scroll.scrollLeft : width;
  }

  drawNames(links) {
    const words = [...links.map((name) => ["lane", name]), ["foot", "verdict"], ["foot", "cost"]];
    if (this.names.dataset.words === JSON.stringify(words)) return;
    this.names.dataset.words = JSON.stringify(words);
    this.names.replaceChildren(...words.map(([kind, word]) => h("div", { class: kind, title: word }, word)));
  }

  drawBack(run, rounds, line, width, height) {
    const parts = [];
    run.links.forEach((_, at) => {
      parts.push(s("rect", { class: at % 2 ? "stripe odd" : "stripe", x: 0, y: HEAD + LANE * at, width, height: LANE }));
    });
    for (const [begin, end] of line.breaks) {
      const x = line.at(begin);
      parts.push(s("rect", { class: "gap", x, y: HEAD, width: Math.max(1, line.at(end) - x), height: LANE * run.links.length },
        s("title", {}, awayWords(run.pauses, begin, end))));
      const near = rounds.some((one) => Math.abs(line.at(one.started_at) - (x + line.at(end)) / 2 + 8) < 42);
      if (line.at(end) - x > 38 && !near) {
        parts.push(s("text", { class: "away", x: (x + line.at(end)) / 2, y: HEAD - 9, "text-anchor": "middle" }, duration(end - begin)));
      }
    }
    let labelled = -Infinity;
    rounds.forEach((one, at) => {
      const x = line.at(one.started_at);
      const room = (at + 1 < rounds.length ? line.at(rounds[at + 1].started_at) : width) - x;
      if (room > 10 || x - labelled > 44) parts.push(s("line", { class: "rule", x1: x, x2: x, y1: 0, y2: height }));
      if (x - labelled < (one.round > 99 ? 44 : 32)) return;
      labelled = x;
      parts.push(s("text", { class: "round", x: x + 5, y: HEAD - 9 }, `R${one.round}`));
      const foot = HEAD + LANE * run.links.length;
      if (one.verdict && room > 24) {
        const fits = Math.max(2, Math.floor(room / 7.6));
        const text = one.verdict.length > fits ? `${one.verdict.slice(0, fits - 1)}…` : one.verdict;
        parts.push(s("text", { class: VERDICTS[one.verdict] ?? "v-fix", x: x + 5, y: foot + 19 }, text, s("title", {}, one.verdict)));
      }
      if (one.calls && room > 42) {
        parts.push(s("text", { class: "cost", x: x + 5, y: foot + 40 }, money(one.cost_usd, room > 120 ? one.unknown_costs : 0)));
      }
    });
    this.back.replaceChildren(...parts);
  }

  drawBars(bars, links, line, now) {
    const known = new Set();
    for (const bar of bars) {
      known.add(bar.index);
      const kind = kindOf(bar);
      const x = line.at(bar.started_at);
      const width = Math.max(bar.kind === "gate" ? 16 : 4, line.at(bar.ended_at || now) - x - 1);
      const y = HEAD + LANE * links.indexOf(bar.link) + 7;
      const shape = this.shapes.get(bar.index) ?? this.newShape(bar.index);
      const place = { x: x.toFixed(1), y, width: width.toFixed(1), height: 22, rx: Math.min(4, width / 2) };
      const parts = bar.attempts.length > 1 ? bar.attempts : [];
      set(shape.rect, { ...place, class: parts.length ? `bar bed ${kind}` : `bar ${kind}` });
      set(shape.edge, place);
      while (shape.parts.childElementCount < parts.length) shape.parts.append(s("rect"));
      parts.forEach((one, at) => {
        const from = line.at(one.started_at);
        const to = line.at(one.ended_at || bar.ended_at || now);
        set(shape.parts.children[at], { class: `bar ${kindOfAttempt(one, bar)}`, x: from.toFixed(1), y, width: Math.max(3, to - from - 1).toFixed(1), height: 22, rx: 3 });
      });
      say(shape.glyph, width >= 14 ? (GLYPHS[kind] ?? "") : "");
      set(shape.glyph, { x: (x + width / 2).toFixed(1), y: y + 16 });
      const text = told(bar, now);
      say(shape.title, text);
      const chosen = bar.index === this.chosen;
      set(shape.group, { "aria-label": text, "aria-pressed": chosen, tabindex: chosen ? 0 : -1, class: chosen ? "one chosen" : "one" });
    }
    for (const [index, shape] of this.shapes) {
      if (!known.has(index)) {
        shape.group.remove();
        this.shapes.delete(index);
      }
    }
    if (!known.has(this.chosen) && bars.length) set(this.shapes.get(bars.at(-1).index).group, { tabindex: 0 });
  }

  newShape(index) {
    const rect = s("rect");
    const edge = s("rect", { class: "edge" });
    const parts = s("g");
    const glyph = s("text", { class: "glyph", "text-anchor": "middle", "aria-hidden": "true" });
    const title = s("title");
    const group = s("g", { role: "button", "data-bar": index, onclick: () => this.choose(index) }, title, rect, parts, edge, glyph);
    const shape = { group, rect, edge, parts, glyph, title };
    this.shapes.set(index, shape);
    this.front.append(group);
    return shape;
  }

  walk(event) {
    const group = event.target.closest?.("[data-bar]");
    if (!group) return;
    const at = Number(group.dataset.bar);
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      this.choose(at);
      return;
    }
    const bars = [...this.run.bars.values()].filter((bar) => this.shapes.has(bar.index));
    const here = this.run.bars.get(at);
    const lane = this.run.links.indexOf(here.link);
    const inLane = (name) => bars.filter((bar) => bar.link === name);
    let next = null;
    if (event.key === "ArrowRight") next = bars.find((bar) => bar.index > at && bar.link === here.link);
    else if (event.key === "ArrowLeft") next = bars.findLast((bar) => bar.index < at && bar.link === here.link);
    else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const other = this.run.links[lane + (event.key === "ArrowDown" ? 1 : -1)];
      next = inLane(other).sort((a, b) => Math.abs(a.started_at - here.started_at) - Math.abs(b.started_at - here.started_at))[0];
    } else if (event.key === "Home") next = inLane(here.link)[0];
    else if (event.key === "End") next = inLane(here.link).at(-1);
    else return;
    event.preventDefault();
    if (next) {
      this.choose(next.index);
      this.shapes.get(next.index).group.focus();
    }
  }

  mark(index) {
    this.chosen = index;
    this.draw(this.run, this.now);
    const shape = this.shapes.get(index);
    if (!shape) return;
    const x = Number(shape.rect.getAttribute("x"));
    const view = this.scroll.clientWidth;
    if (x < this.scroll.scrollLeft || x > this.scroll.scrollLeft + view - 20) this.scroll.scrollLeft = x - view / 2;
  }

}
