// All answers that the page holds, the worst first, and the choice among them.

const PAGE = matchMedia("(max-width: 1080px)").matches ? 20 : 60;
const GROUPS = {
  failed: ["Failed", (v) => v === "failed" || v === "error"],
  passed: ["Passed", (v) => v === "passed" || v === "doubtful"],
  missing: ["Not scored", (v) => v === "not_scored" || v === "unchecked"],
  all: ["All", () => true],
};
const ORDERS = {
  worst: ["worst first", null],
  slow: ["slowest first", (a, b) => b.ms - a.ms],
  dear: ["most expensive first", (a, b) => (b.usd ?? -1) - (a.usd ?? -1)],
  fell: ["fell most first", null],
  recent: ["newest first", (a, b) => b.at - a.at],
};

class List {
  constructor(data, textOf, open) {
    Object.assign(this, { data, textOf, open, group: "all", words: "", evaluator: -1, order: "worst", shownRows: PAGE });
    this.slices = data.figures.slices.map(() => null);
    this.segments = el("div.segments", { role: "group", "aria-label": "Which answers" });
    this.told = el("p.told", { "aria-live": "polite" });
    this.rows = el("ul.rows");
    this.search = el("input", {
      type: "search", placeholder: "Search questions, answers, passages", "aria-label": "Search questions, answers, passages",
      input: () => { this.words = this.search.value.trim().toLowerCase(); this.draw(); },
    });
    fill(byId("list"), el("div.filters", {}, el("h2", {}, "Answers"), this.segments, this.search,
      el("div.selects", {}, this.selects()), this.told), this.rows);
    this.draw();
  }

  select(label, options, change) {
    return el("label", {}, el("span.hidden", {}, label), el("select", {
      change: (event) => { change(event.target.selectedIndex); this.draw(); },
    }, options.map((text) => el("option", {}, text))));
  }

  selects() {
    const orders = Object.keys(ORDERS).filter((name) => name !== "fell" || this.data.comparison);
    const names = this.data.figures.evaluators.map((e) => e.name);
    return [
      this.select("Evaluator", ["any evaluator", ...names], (i) => { this.evaluator = i - 1; }),
      this.select("Order", orders.map((o) => ORDERS[o][0]), (i) => { this.order = orders[i]; }),
      ...this.data.figures.slices.map((slice, n) => this.select(slice.attribute,
        [`any ${slice.attribute}`, ...slice.values.map((v) => v.value || "(unknown)")],
        (i) => { this.slices[n] = i ? slice.values[i - 1].value : null; })),
    ];
  }

  // Verdict by one evaluator, or by all of them; null where the chosen one says nothing of this answer.
  verdict(row) {
    if (this.evaluator < 0) return row.verdict;
    const found = row.scores[this.evaluator];
    if (!found) return null;
    return found[0] === null ? "not_scored" : found[1] === false ? "failed" : "passed";
  }

  // By how much a score rose over the base's; what has no base comes last.
  change(row) {
    const which = Math.max(0, this.evaluator);
    const [before, after] = [row.before && row.before[which], row.scores[which] && row.scores[which][0]];
    return known(before) && known(after) ? after - before : 9;
  }

  chosen() {
    const words = this.words.split(/\s+/).filter(Boolean);
    return this.data.rows.filter((row, index) => this.verdict(row) !== null
      && this.slices.every((value, n) => value === null || row.slices[n] === value)
      && (!words.length || words.every((word) => this.textOf(index).includes(word))));
  }

  draw() {
    const found = this.chosen();
    fill(this.segments, Object.entries(GROUPS).map(([name, [label, test]]) => el("button", {
      type: "button", "aria-pressed": String(this.group === name), "data-group": name,
      click: () => { this.group = name; this.draw(); this.segments.querySelector(`[data-group=${name}]`).focus(); },
    }, `${label} `, el("span.number", {}, count(found.filter((row) => test(this.verdict(row))).length)))));
    this.found = found.filter((row) => GROUPS[this.group][1](this.verdict(row)));
    const value = (row) => row.scores[this.evaluator][0] ?? Infinity;
    const order = this.order === "worst" && this.evaluator >= 0 ? (a, b) => (value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0) : ORDERS[this.order][1];
    if (this.order === "fell") this.found.sort((a, b) => this.change(a) - this.change(b));
    else if (order) this.found.sort(order);
    this.shownRows = PAGE;
    this.rows.scrollTop = 0;
    const { answers, rows } = this.data;
    const bounded = rows.length < answers ? ` The ${count(rows.length)} worst of ${count(answers)} are listed.` : "";
    fill(this.told, `${count(this.found.length)} ${plural("answer", this.found.length)}.${bounded}`);
    this.drawRows();
  }

  drawRows() {
    const rows = this.found.slice(0, this.shownRows).map((row) => el("li", {}, this.row(row)));
    const more = this.found.length > this.shownRows ? el("li", {}, el("button.quiet.more", {
      type: "button", click: () => this.extend(),
    }, `Show ${Math.min(PAGE, this.found.length - this.shownRows)} more`)) : null;
    fill(this.rows, rows, more, rows.length ? null : el("li.none", {}, "No answer fits these filters."));
    this.point(this.current);
  }

  extend() {
    const first = this.shownRows;
    this.shownRows += PAGE;
    this.drawRows();
    this.rows.children[first].querySelector("button").focus();
  }

  row(row) {
    const names = this.data.figures.evaluators.map((e) => e.name);
    const lowest = row.scores.map((s, i) => [s, i]).filter(([s]) => s && s[0] !== null)
      .sort((a, b) => (a[0][1] === false ? 0 : 1) - (b[0][1] === false ? 0 : 1) || a[1] - b[1])[0];
    const told = this.evaluator >= 0 ? [row.scores[this.evaluator], this.evaluator] : lowest;
    const verdict = this.verdict(row);
    const value = told && told[0] && told[0][0] !== null ? el(told[0][1] === false ? "span.bad" : "span", {}, `${names[told[1]]} ${score(told[0][0])}`)
      : el("span", {}, row.reason ? `not scored: ${row.reason}` : VERDICTS[verdict]);
    return el("button.row", { type: "button", "data-key": row.key, click: () => this.open(row, true) }, mark(verdict),
      el("span.question", { dir: "auto" }, row.question || row.lead || "(no text recorded)"), el("span.hidden", {}, VERDICTS[verdict]),
      el("span.under", {}, value, this.moved(row), row.unsupported ? el("span.doubt", {}, `${row.unsupported} unsupported`) : null,
        el("span.number", {}, milliseconds(row.ms)), known(row.usd) ? el("span.number", {}, price(row.usd)) : null));
  }

  moved(row) {
    const change = this.change(row);
    if (change > 1 || Math.abs(change) < 0.005) return null;
    return el(`span.number.${change < 0 ? "bad" : "good"}`, { title: "against the base" }, `${change < 0 ? "▾" : "▴"} ${Math.abs(change).toFixed(2)}`);
  }

  point(row) {
    this.current = row;
    for (const node of this.rows.querySelectorAll(".row")) node.setAttribute("aria-current", String(Boolean(row) && node.dataset.key === row.key));
  }
}
