// The answer with its sentences marked, and what each of them rests on.

const SAID = {
  supported: "supported", unsupported: "not supported", contradicted: "contradicted", not_checkable: "nothing to check",
};

// A text cut at the ends of ranges [from, to, className], which neither overlap nor nest.
function cutText(text, from, to, ranges, make) {
  const parts = [];
  let at = from;
  for (const [first, last, ...rest] of ranges) {
    if (first < at || last > to || first >= last) continue;
    parts.push(text.slice(at, first), make(text.slice(first, last), ...rest));
    at = last;
  }
  parts.push(text.slice(at, to));
  return parts;
}

// Nearly all of its words are flaws: then the sentence as such is, and to point at parts of it says nothing.
function wholly(found) {
  return found.flaws.reduce((sum, [from, to]) => sum + to - from, 0) > 0.7 * (found.end - found.start);
}

class Sentences {
  constructor(detail, marks, passages, because) {
    this.detail = detail;
    this.marks = marks;
    this.passages = passages;
    this.because = because;
    this.selected = -1;
    this.nodes = marks.map((found, index) => this.sentence(found, index));
    const text = detail.answer.text;
    const ranges = marks.map((found, index) => [found.start, found.end, index]);
    this.node = el("div.text", { lang: "" }, cutText(text, 0, text.length, ranges, (_, index) => this.nodes[index]));
    if (detail.answer.more) this.node.append(el("div.cut", {}, `… ${count(detail.answer.more)} more characters`));
    const bad = marks.findIndex((m) => m.verdict === "unsupported" || m.verdict === "contradicted");
    this.select(bad >= 0 ? bad : marks.findIndex((m) => m.verdict === "supported"));
  }

  sentence(found, index) {
    const text = this.detail.answer.text;
    if (wholly(found)) return this.button(found, index, [text.slice(found.start, found.end)]);
    return this.button(found, index, cutText(text, found.start, found.end, found.flaws, (words, reason) =>
      el("span.flaw", { title: reason }, words)));
  }

  button(found, index, words) {
    const number = found.passage === undefined || found.verdict === "not_checkable" ? null : String(found.passage + 1);
    return el(`span.sentence.${found.verdict}`, {
      role: "button", tabindex: "-1", "aria-pressed": "false", "data-index": index,
      click: () => this.hold(index),
      mouseenter: () => this.show(index),
      mouseleave: () => this.show(this.selected),
      keydown: (event) => this.key(event, index),
    }, words, number && el("span.ref", {}, number), el("span.hidden", {}, ` (${SAID[found.verdict]})`));
  }

  key(event, index) {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step) this.hold(Math.max(0, Math.min(this.nodes.length - 1, index + step)));
    else if (event.key === "Enter" || event.key === " ") this.hold(index);
    else return;
    event.preventDefault();
  }

  // What the reader asked for stays in view on a small screen; what we chose for the beginning does not cover the text.
  hold(index) {
    this.because.classList.add("held");
    this.select(index);
    this.nodes[index].focus({ preventScroll: true });
    const below = this.nodes[index].getBoundingClientRect().bottom - this.because.getBoundingClientRect().top;
    const covered = below > 0 && getComputedStyle(this.because).position === "sticky" && this.nodes[index].getBoundingClientRect().top < innerHeight;
    if (covered) scrollBy({ top: below + 12 });
    else this.nodes[index].scrollIntoView({ block: "nearest" });
  }

  select(index) {
    this.nodes.forEach((node, i) => {
      node.setAttribute("aria-pressed", String(i === index));
      node.setAttribute("tabindex", i === index || (index < 0 && i === 0) ? "0" : "-1");
    });
    this.selected = index;
    this.show(index);
  }

  // What the sentence rests on: in words, and marked in its passage.
  show(index) {
    const found = this.marks[index];
    this.passages.link(found);
    this.because.hidden = !found;
    if (found) fill(this.because, this.reason(found), this.quote(found));
  }

  reason(found) {
    const bad = found.verdict === "unsupported" || found.verdict === "contradicted";
    const text = this.detail.answer.text;
    const words = wholly(found) ? [] : [...new Set(found.flaws.map(([from, to]) => text.slice(from, to).trim()))].filter(Boolean);
    const chance = known(found.p) ? el("span.soft", {}, ` · probability of support ${found.p.toFixed(2)}`) : null;
    const line = el("p", {}, el(bad ? "b.bad" : found.verdict === "supported" ? "b.good" : "b", {}, SAID[found.verdict]), chance);
    if (!bad) return [line];
    const among = this.passages.count;
    const where = among === 1 ? "the passage" : `the ${among} passages`;
    if (!words.length) return [line, el("p", {}, `Nothing in ${where} says so.`)];
    const what = words.slice(0, 12).flatMap((w, i) => [i ? ", " : "", el("b", {}, `“${w}”`)]);
    const rest = words.length > 12 ? ` and ${words.length - 12} more` : "";
    return [line, el("p", {}, found.verdict === "contradicted" ? "At odds with the passage: " : `Not in ${where}: `, what, rest)];
  }

  quote(found) {
    const passage = this.detail.passages[found.passage];
    if (!passage || found.verdict === "not_checkable") return null;
    const name = passage.id || `passage ${found.passage + 1}`;
    const [from, to] = found.from === undefined ? [0, 0] : [found.from, found.to];
    const lead = found.verdict === "supported" ? "from " : "closest is ";
    const beyond = found.quote || "";
    if (from >= to && !beyond) return el("p.quote.soft", {}, lead, el("b", {}, name));
    return el("div.quote", {}, el("span.soft", {}, lead, el("b", {}, name), ": "),
      el("q", {}, "“", el("mark", {}, beyond || passage.text.slice(from, Math.min(to, from + 700))), to > from + 700 ? "…" : "", "”"));
  }
}
