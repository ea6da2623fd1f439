// One answer in full: verdict, question, answer beside its passages, checks, stages.

const VERDICTS = {
  failed: "failed", error: "ended in an error", doubtful: "passed with unsupported sentences",
  passed: "passed", not_scored: "not scored", unchecked: "without checks",
};
const ABOUT = { relevant: ["✓ relevant", "good"], irrelevant: ["✗ off topic", "bad"], used: ["used", "good"], unused: ["unused", "soft"] };

class Passages {
  constructor(detail) {
    this.detail = detail;
    this.count = detail.passages.filter((p) => p.in_prompt).length;
    this.texts = detail.passages.map((p) => el("div.text", {}, p.text));
    this.items = detail.passages.map((p, i) => this.item(p, i));
    const more = detail.more_passages ? el("li.cut", {}, `… ${count(detail.more_passages)} more passages`) : null;
    this.node = el("ol.passages", { tabindex: "0", "aria-label": "Passages" }, this.items, more);
  }

  item(passage, index) {
    const verdicts = this.detail.checks.flatMap((check) => check.about.filter((a) => a.passage === index).map((a) => {
      const [said, style] = ABOUT[a.verdict];
      return el(`span.${style}`, { title: check.name }, said, known(a.p) ? ` ${a.p.toFixed(2)}` : "");
    }));
    const head = el("header", {}, el("b", {}, String(index + 1)), passage.id && passage.id !== String(index + 1) ? el("span.id", {}, passage.id) : null,
      verdicts, known(passage.score) ? el("span", {}, `score ${passage.score.toFixed(2)}`) : null,
      passage.retrieved_rank && passage.source === "rerank" ? el("span", {}, `was ${passage.retrieved_rank}.`) : null,
      passage.in_prompt ? null : el("span.doubt", {}, "not in the prompt"),
      passage.source === "prompt" ? el("span", {}, "from the prompt") : null);
    const cut = passage.more ? el("div.cut", {}, `… ${count(passage.more)} more characters`) : null;
    const item = el(passage.in_prompt ? "li.passage" : "li.passage.dropped", { click: () => item.classList.add("open") },
      head, this.texts[index], cut);
    return item;
  }

  // Marks the words that a sentence rests on; nothing where there are none.
  link(found) {
    this.items.forEach((item, index) => {
      const linked = Boolean(found) && found.passage === index && found.verdict !== "not_checkable";
      item.classList.toggle("linked", linked);
      const text = this.detail.passages[index].text;
      const range = linked && found.from !== undefined && found.from < found.to ? [[found.from, found.to]] : [];
      fill(this.texts[index], cutText(text, 0, text.length, range, (words) => el("mark", {}, words)));
      if (linked) this.reveal(item);
    });
  }

  revealLinked() {
    const item = this.items.find((i) => i.classList.contains("linked"));
    if (item) this.reveal(item);
  }

  reveal(item) {
    const target = item.querySelector("mark") || item;
    const pane = this.node.getBoundingClientRect();
    const place = target.getBoundingClientRect();
    if (this.node.scrollHeight <= this.node.clientHeight) return;
    const bottom = Math.min(pane.bottom, Math.max(innerHeight, pane.top + 120)); // what lies below the screen is not in view
    if (place.top < pane.top || place.bottom > bottom) this.node.scrollTop += place.top - pane.top - 56;
  }
}

let passagesShown = null;

function drawAnswer(row, detail, comparison, turn) {
  passagesShown = null;
  fill(byId("answer"),
    el("div.verdict", {}, el(`span.pill.${row.verdict}`, {}, mark(row.verdict), " ", headlineOf(row, detail)), turn),
    el("h2.asked", { dir: "auto" }, detail.question || el("span.soft", {}, "(the question was not recorded)")),
    el("p.meta", {}, [detail.title, row.model, milliseconds(row.ms), tokens(row.tokens, row.estimated), known(row.usd) ? price(row.usd) : "cost unknown",
      moment(row.at)].filter(Boolean).map((text) => el("span.number", {}, text)), el("span.id", { title: row.key }, row.key.slice(0, 8))),
    detail.error ? el("p.broken", {}, detail.error) : null,
    row.kind === "no_answer" ? null : reading(detail, row), beforeOf(detail, comparison), checks(detail), stages(detail));
  if (passagesShown) passagesShown.revealLinked(); // only what is in the page has a height
}

function headlineOf(row, detail) {
  const scored = detail.checks.filter((c) => c.value !== null);
  const failed = scored.filter((c) => c.passed === false).length;
  if (row.verdict === "failed") return `${failed} of ${scored.length} ${plural("check", scored.length)} failed`;
  if (row.verdict === "passed") return scored.length === 1 ? "the check passed" : `${scored.length} checks passed`;
  return row.verdict === "not_scored" && row.reason ? `not scored: ${row.reason}` : VERDICTS[row.verdict];
}

function reading(detail, row) {
  const passages = new Passages(detail);
  passagesShown = passages;
  const because = el("div.because", { "aria-live": "polite" });
  const judges = detail.checks.filter((c) => c.marks.length);
  const said = el("div.said");
  const show = (check) => {
    const sentences = new Sentences(detail, check ? check.marks : [], passages, because);
    const choice = judges.length > 1 ? el("label.soft", {}, "marked by ", el("select", {
      change: (event) => show(judges[event.target.selectedIndex]),
    }, judges.map((c) => el("option", { selected: c === check }, c.name)))) : null;
    const empty = row.kind === "unrecorded" ? "The text of this answer was not recorded." : "The answer is empty.";
    fill(said, el("div.heading", {}, el("h3", {}, "Answer"), choice),
      detail.answer.text ? sentences.node : el("p.soft", {}, empty), check ? legend(check) : null);
  };
  show(judges[0]);
  const heading = el("div.heading", {}, el("h3", {}, detail.passages.length ? "Passages" : "No passages recorded"));
  return el("div.reading", {}, said, because, el("div.sources", {}, heading, detail.passages.length ? passages.node : null));
}

function legend(check) {
  const present = Object.keys(SAID).filter((v) => v !== "not_checkable" && check.marks.some((m) => m.verdict === v));
  return el("p.key", {}, present.map((v) => el("span", {}, el(`span.sentence.${v}`, {}, SAID[v]),
    ` ${check.marks.filter((m) => m.verdict === v).length}`)), el("span", {}, `by ${check.name}`));
}

function checks(detail) {
  if (!detail.checks.length) return null;
  return el("section.part", {}, el("h3", {}, "Checks"), el("ul", {}, detail.checks.map((check) => {
    const verdict = check.value === null ? "not_scored" : check.passed === false ? "failed" : check.passed ? "passed" : "unchecked";
    const limit = known(check.threshold) ? `passes from ${score(check.threshold)}` : "";
    const how = [limit, check.judge, check.version && `version ${check.version}`].filter(Boolean).join(" · ");
    return el("li.check", {}, mark(verdict), el("b", {}, check.name), gauge(check),
      el("div.why", {}, check.value === null ? el("span.doubt", {}, check.broke ? check.reason : `not scored: ${check.reason}`)
        : [check.label ? el(`span.${MARKS[verdict][1]}`, {}, check.label) : null, check.label && check.explanation ? ": " : "", check.explanation],
        how ? el("div.soft", {}, how) : null),
      check.notes.length ? el("ul.notes", {}, check.notes.map((n) => el("li", {}, el("span.soft", {}, `${SAID[n.verdict] || n.verdict}: `), n.text))) : null);
  })));
}

function gauge(check) {
  if (check.value === null) return el("span", {}, "");
  const bar = el("span.gauge", { "aria-hidden": "true" });
  if (check.value >= 0 && check.value <= 1) {
    bar.append(placed(el(check.passed === false ? "i.bad" : check.passed ? "i.good" : "i"), 0, 100 * check.value));
    if (known(check.threshold)) bar.append(placed(el("u"), 100 * Math.min(1, Math.max(0, check.threshold))));
  }
  return el("span.number", {}, bar, score(check.value));
}

function stages(detail) {
  const end = Math.max(...detail.stages.map((s) => s.from + s.ms), 1e-6);
  const rows = detail.stages.map((stage) => {
    const name = el("span.name", { title: stage.name }, stage.name, stage.documents === null ? "" : ` · ${stage.documents} ${plural("passage", stage.documents)}`);
    name.style.paddingLeft = `${14 * stage.depth}px`;
    const bar = placed(el(stage.error ? "i.bad" : stage.kind === "chat" ? "i.chat" : "i"), 100 * stage.from / end, 100 * stage.ms / end);
    return el("li.stage", {}, name, el("span.track", { "aria-hidden": "true" }, bar), el("span.number", {}, milliseconds(stage.ms)),
      el("span.number.soft", {}, tokens(stage.tokens, stage.estimated).replace(" tok", "")),
      el("span.number.soft.usd", {}, known(stage.usd) ? price(stage.usd) : ""), stage.error ? el("span.wrong", {}, stage.error) : null);
  });
  const more = detail.more_stages ? el("p.cut", {}, `… ${count(detail.more_stages)} more stages`) : null;
  return el("section.part", {}, el("h3", {}, "Stages"), el("ul", {}, rows), more);
}
