// Figures as people read them. Unknown is an en dash, never 0.

const UNKNOWN = "–";
const known = (value) => typeof value === "number" && Number.isFinite(value);
const grouped = new Intl.NumberFormat("en-US");

function milliseconds(value) {
  if (!known(value)) return UNKNOWN;
  if (value < 9.95) return `${value.toFixed(1)} ms`;
  if (value < 9999.5) return `${value.toFixed(0)} ms`;
  return value < 119950 ? `${(value / 1000).toFixed(1)} s` : `${grouped.format(Math.round(value / 60000))} min`;
}

function price(usd) {
  if (!known(usd)) return UNKNOWN;
  if (usd <= 0) return "$0";
  if (usd >= 1000) return `$${grouped.format(Math.round(usd))}`;
  if (usd >= 0.1) return `$${usd.toFixed(2)}`;
  const digits = Math.min(12, 1 - Math.floor(Math.log10(usd)));
  return `$${usd.toFixed(digits).replace(/0+$/, "")}`;
}

function count(value) {
  if (!known(value)) return UNKNOWN;
  return value < 1e6 ? grouped.format(Math.round(value)) : `${(value / 1e6).toFixed(1)}M`;
}

function score(value) {
  return known(value) ? value.toFixed(2) : UNKNOWN;
}

function percent(share) {
  if (!known(share)) return UNKNOWN;
  const value = 100 * share;
  return value > 0 && value < 1 ? "<1 %" : value > 99 && value < 100 ? ">99 %" : `${value.toFixed(0)} %`;
}

function plural(word, number) {
  return number === 1 ? word : `${word}s`;
}

function tokens(pair, estimated) {
  if (!pair) return "";
  return `${estimated ? "~" : ""}${count(pair[0])} → ${count(pair[1])} tok`;
}

// In UTC, as traces are: two readers of one report should see the same.
function moment(ms) {
  if (!known(ms) || Math.abs(ms) > 8.64e15) return "";
  return `${new Date(ms).toISOString().replace("T", " ").slice(0, 19)} UTC`;
}
