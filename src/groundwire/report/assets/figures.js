// What the whole run adds up to, whatever the list holds.

function drawSummary(data) {
  const { verdicts, requests } = data.figures;
  const number = (...names) => names.reduce((sum, name) => sum + (verdicts[name] || 0), 0);
  const failed = number("failed");
  const told = [`${count(failed)} of ${count(data.answers)} ${plural("answer", data.answers)} failed a check`];
  if (number("error")) told.push(`${count(number("error"))} ended in an error`);
  if (number("doubtful")) told.push(`${count(number("doubtful"))} passed with an unsupported sentence`);
  if (number("not_scored")) told.push(`${count(number("not_scored"))} could not be scored`);
  if (number("unchecked")) told.push(`${count(number("unchecked"))} without checks`);
  const bar = el("div.share", { "aria-hidden": "true" }, Object.entries(verdicts).map(([verdict, n]) => {
    const part = el(`span.${verdict}`, { title: `${n} ${VERDICTS[verdict]}` });
    part.style.flex = `${n} 1 0`;
    return part;
  }));
  const against = data.comparison && data.comparison.differences.find((d) => d.unit === "score" && known(d.difference));
  const moved = against && el("span", {}, "Against ", baseName(data.comparison), `: ${against.name} ${written(against.base, "score")} → ${written(against.candidate, "score")}, `,
    el(`b.${TRENDS[against.trend][1]}`, {}, against.trend === "unclear" ? "no clear change" : against.trend));
  const fact = (label, value) => el("span", {}, `${label} `, el("b.number", {}, value));
  const { duration_ms: duration, cost_usd: cost, input_tokens: input, output_tokens: output } = requests;
  fill(byId("summary"), el("p.headline", {}, el("strong", {}, `${told.join("; ")}.`), moved), bar, el("p.facts", {},
    data.figures.evaluators.filter((e) => known(e.mean)).slice(0, 4).map((e) => fact(e.name, score(e.mean))),
    duration ? fact("duration p50", milliseconds(duration.p50)) : null, duration ? fact("p95", milliseconds(duration.p95)) : null,
    fact("cost", cost ? price(cost.total) + (cost.n < requests.count ? ` (${count(cost.n)} of ${count(requests.count)} priced)` : "") : "unknown"),
    input || output ? fact("tokens", `${count(input?.total)} → ${count(output?.total)}`) : null));
}

function drawFigures(data, choose) {
  const { evaluators, requests, kinds, slices } = data.figures;
  fill(byId("figures"),
    evaluators.length ? [el("h2", {}, "Scores"), el("div.cards", {}, evaluators.map(scoreCard))] : null,
    el("h2", {}, "Time, cost and tokens"), el("div.stack", {}, percentiles(requests), kinds.length ? byKind(kinds) : null),
    slices.map((slice, n) => [el("h2", {}, `By ${slice.attribute}`), sliceTable(slice, n, evaluators, choose)]));
}

function scoreCard(evaluator) {
  const { name, mean, median, scored, failed, judged, threshold, not_scored: missing } = evaluator;
  const label = `Distribution of ${name}: mean ${score(mean)}, median ${score(median)}, ${scored} scored`;
  return el("div.card", {}, el("h3", {}, name),
    el("p.line", {}, el("span.big.number", {}, score(mean)), el("span.soft", {}, known(mean) ? `mean · median ${score(median)}` : "no score"),
      judged ? el(failed ? "span.bad" : "span.good", {}, `${count(failed)} of ${count(judged)} failed`) : null),
    chart(evaluator.histogram, score, label, threshold),
    el("p.missing", {}, `${count(scored)} scored`, known(threshold) ? ` · passes from ${score(threshold)}` : "",
      evaluator.versions.length ? ` · ${plural("version", evaluator.versions.length)} ${evaluator.versions.join(", ")}` : ""),
    evaluator.not_scored_total ? el("p.missing", {}, el("b", {}, `${count(evaluator.not_scored_total)} not scored: `),
      missing.map(([reason, n]) => `${count(n)} ${reason}`).join(", ")) : null);
}

function percentiles(requests) {
  const rows = [["duration", requests.duration_ms, milliseconds, false], ["cost", requests.cost_usd, price, true],
    ["input tokens", requests.input_tokens, count, true], ["output tokens", requests.output_tokens, count, true]];
  const some = rows.filter(([, found]) => found);
  const missing = rows.filter(([, found]) => !found || found.n < requests.count)
    .map(([name, found]) => `${name} known for ${count(found ? found.n : 0)} of ${count(requests.count)} requests`);
  if (requests.estimated_tokens) missing.push(`tokens of ${count(requests.estimated_tokens)} requests are estimates`);
  return el("div.card", {}, table(["a request", "p50", "p95", "p99", "mean", "total"],
    some.map(([name, d, write, sum]) => [name, write(d.p50), write(d.p95), write(d.p99), write(d.mean), sum ? write(d.total) : ""])),
    el("div.cards.charts", {}, some.map(([name, d, write]) => el("div", {}, el("h3", {}, name), chart(d.histogram, write, `Distribution of ${name}`)))),
    missing.length ? el("p.missing", {}, `${missing.join("; ")}.`) : null);
}

function byKind(kinds) {
  return el("div.card", {}, table(["a call", "calls", "p50", "p95", "p99", "cost"], kinds.map((k) => [
    k.kind, count(k.calls), milliseconds(k.p50), milliseconds(k.p95), milliseconds(k.p99), known(k.usd) ? price(k.usd) : UNKNOWN])));
}

function sliceTable(slice, n, evaluators, choose) {
  const rows = slice.values.map((v) => [
    el("button", { type: "button", click: () => choose(n, v.value) }, v.value || "(unknown)"),
    count(v.answers), v.judged ? `${count(v.failed)} of ${count(v.judged)}` : UNKNOWN,
    v.failed_interval ? `${percent(v.failed_interval[0])} to ${percent(v.failed_interval[1])}` : UNKNOWN,
    ...v.means.map(score), milliseconds(v.p50_ms), price(v.mean_usd)]);
  const heads = [slice.attribute, "answers", "failed", "95 % interval", ...evaluators.map((e) => e.name), "p50", "mean cost"];
  return el("div.card", {}, table(heads, rows), slice.more ? el("p.missing", {}, `${count(slice.more)} more values.`) : null);
}
