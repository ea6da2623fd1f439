// Histograms, drawn from counts.

// The range of a bin, in the unit of the values.
function bin(histogram, index) {
  const { low, high, ratio, counts } = histogram;
  const at = (share) => (ratio ? low * (high / low) ** share : low + (high - low) * share);
  return [at(index / counts.length), at((index + 1) / counts.length)];
}

// `limit`: what passes from there on; bins below it are drawn as bad.
function chart(histogram, write, label, limit) {
  if (!histogram) return null;
  if (histogram.counts.length === 1) return el("p.missing", {}, `always ${write(histogram.low)}`);
  const { counts, low, high } = histogram;
  const most = Math.max(...counts);
  const width = 300 / counts.length;
  const bars = counts.map((number, index) => {
    const [from, to] = bin(histogram, index);
    const height = number ? Math.max(2, 62 * number / most) : 0;
    const style = !known(limit) ? "" : (from + to) / 2 < limit ? ".bad" : ".good";
    return svg(`rect${style}`, { x: index * width + 0.75, y: 64 - height, width: Math.max(1, width - 1.5), height, rx: 1.5 },
      svg("title", {}, `${write(from)} to ${write(to)}: ${count(number)}`));
  });
  const at = 300 * ((limit - low) / (high - low));
  const line = known(at) && at >= 0 && at <= 300 && !histogram.ratio ? svg("line.limit", { x1: at, x2: at, y1: 0, y2: 64 }) : null;
  return el("figure", {},
    svg("svg.chart", { viewBox: "0 0 300 66", preserveAspectRatio: "none", role: "img", "aria-label": label },
      svg("line", { x1: 0, x2: 300, y1: 64.5, y2: 64.5 }), bars, line),
    el("figcaption.axis", { "aria-hidden": "true" }, el("span", {}, write(low)), el("span", {}, histogram.ratio ? "equal ratios" : ""), el("span", {}, write(high))));
}

function table(heads, rows) {
  return el("div.wide", { tabindex: "0" }, el("table", {}, el("thead", {}, el("tr", {}, heads.map((h, i) => el(i ? "th.figure" : "th", { scope: "col" }, h)))),
    el("tbody", {}, rows.map((cells) => el("tr", {}, cells.map((cell, i) => el(i ? "td.figure" : "td.value", {}, cell)))))));
}
