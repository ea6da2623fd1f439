// The run beside the one before it.

const TRENDS = { worse: ["✗ worse", "bad"], better: ["✓ better", "good"], unclear: ["unclear", "soft"], same: ["same", "soft"] };
const WRITE = { score: (v) => v.toFixed(3), usd: price, ms: milliseconds, tokens: (v) => (v < 99.95 ? v.toFixed(1) : count(v)) };

function written(value, unit) {
  if (!known(value)) return UNKNOWN;
  return value < 0 ? `−${written(-value, unit)}` : (WRITE[unit] || String)(value);
}

function signed(value, unit) {
  if (!known(value)) return UNKNOWN;
  return value > 0 ? `+${written(value, unit)}` : value === 0 ? "0" : written(value, unit);
}

const baseName = (found) => found.base.replace(/\/+$/, "").split("/").pop() || found.base;
const range = (interval, unit) => (interval ? `${signed(interval[0], unit)} to ${signed(interval[1], unit)}` : UNKNOWN);

function drawComparison(found, openKey) {
  const section = byId("comparison");
  section.hidden = false;
  const paired = found.paired
    ? `${count(found.pairs)} ${plural("question", found.pairs)} paired${found.by === "question" ? "" : ` by ${found.by}`}.`
    : "Nothing pairs: the runs are compared as two independent sets.";
  const level = `Intervals of ${(100 * (1 - found.alpha)).toFixed(0)} %, by bootstrap; p corrected by Holm over the figures; none below ${found.min_n} questions.`;
  fill(section, el("h2", {}, "Compared with ", baseName(found)), el("div.stack", {},
    el("div.card", {}, el("p.soft", {}, `${paired} ${level}`), differences(found.differences), notes(found)),
    found.worst.length ? el("div.card", {}, el("h3", {}, "Fell most"), regressions(found.worst, openKey)) : null,
    found.slices.map((slice) => el("div.card", {}, el("h3", {}, `By ${slice.attribute}`), sliced(slice)))));
}

function differences(rows) {
  return table(["a question", "n", "before", "after", "change", "interval", "p", "worse / better", "trend"], rows.map((d) => {
    const [said, style] = TRENDS[d.trend] || TRENDS.unclear;
    const direction = d.counts === null || d.worse === null ? UNKNOWN : `${count(d.worse)} / ${count(d.better)}`;
    const few = d.n_candidate === d.n_base ? count(d.n_base) : `${count(d.n_base)}, ${count(d.n_candidate)}`;
    return [d.name, few, written(d.base, d.unit), written(d.candidate, d.unit), signed(d.difference, d.unit),
      range(d.interval, d.unit), known(d.p_holm) ? (d.p_holm < 0.001 ? "<.001" : d.p_holm.toFixed(3)) : UNKNOWN, direction, el(`span.${style}`, {}, said)];
  }));
}

function notes(found) {
  const told = found.refused.map(([name, why]) => `${name} is not compared: ${why}`);
  if (found.unversioned.length) told.push(`${found.unversioned.join(", ")}: the version of the evaluator is not recorded, so that they compare is an assumption`);
  const alone = Object.entries(found.alone).filter(([, [number]]) => number).map(([side, [number, names]]) => el("details", {},
    el("summary", {}, `${count(number)} ${plural("question", number)} only in ${side === "only_base" ? "the base" : "this run"}`),
    el("ul", {}, names.map((name) => el("li.soft", {}, name)), number > names.length ? el("li.soft", {}, `… ${count(number - names.length)} more`) : null)));
  return [told.map((text) => el("p.missing", {}, text)), alone];
}

function regressions(rows, openKey) {
  return el("ul", {}, rows.map((r) => el("li.fell", {},
    indices.has(r.key) ? el("button", { type: "button", click: () => openKey(r.key) }, r.question || "(no question)") : el("span", {}, r.question),
    el("span.number.bad", {}, `${r.measure} ${score(r.means[0])} → ${score(r.means[1])}`),
    el("ul.soft", {}, r.changed.map(([change, text]) => el("li", {}, el("b", {}, change === "lost" ? "no longer supported: " : "new and not supported: "), text)),
      r.gone.length ? el("li", {}, el("b", {}, "passages gone: "), r.gone.join(", ")) : null,
      r.come.length ? el("li", {}, el("b", {}, "passages come: "), r.come.join(", ")) : null))));
}

function sliced(slice) {
  const names = slice.values[0] ? slice.values[0].differences.map((d) => [d.name, d.unit]) : [];
  return table([slice.attribute, "questions", ...names.map(([name]) => name)], slice.values.map((v) => [v.value,
    v.questions[0] === v.questions[1] ? count(v.questions[0]) : `${count(v.questions[0])}, ${count(v.questions[1])}`,
    ...v.differences.map((d) => el(`span.${(TRENDS[d.trend] || TRENDS.unclear)[1]}`, { title: range(d.interval, d.unit) }, signed(d.difference, d.unit)))]));
}

// The base's answer to the same question, below the candidate's.
function beforeOf(detail, found) {
  const before = detail.before;
  if (!found) return null;
  if (!before) return el("section.part", {}, el("h3", {}, "Before"), el("p.soft", {}, `Nothing in ${baseName(found)} pairs with it.`));
  const marked = before.checks.find((c) => c.marks.length);
  const text = before.answer.text;
  const ranges = (marked ? marked.marks : []).map((m) => [m.start, m.end, m.verdict]);
  const scores = detail.checks.flatMap((check) => {
    const old = before.checks.find((c) => c.name === check.name);
    if (!old) return [];
    const style = known(old.value) && known(check.value) ? (check.value < old.value - 0.005 ? "bad" : check.value > old.value + 0.005 ? "good" : "soft") : "soft";
    return [el("span.number", {}, `${check.name} `, el(`b.${style}`, {}, `${score(old.value)} → ${score(check.value)}`))];
  });
  return el("section.part.before", {}, el("h3", {}, "Before: ", baseName(found), before.repeats > 1 ? `, the first of ${before.repeats} answers` : ""),
    el("p.meta", {}, scores, [before.model, milliseconds(before.ms), known(before.usd) ? price(before.usd) : null].filter(Boolean).map((t) => el("span.number", {}, t))),
    text && text === detail.answer.text ? el("p.soft", {}, "The answer was the same, word for word.") : el("div.text", {}, text ? cutText(text, 0, text.length, ranges, (words, verdict) => el(`span.sentence.${verdict}`, {}, words)) : "(no text recorded)"),
    before.answer.more ? el("p.cut", {}, `… ${count(before.answer.more)} more characters`) : null);
}
