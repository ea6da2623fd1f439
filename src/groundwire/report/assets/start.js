// Reads the data, opens the worst answer, and keeps address, list and answer in step.

const data = JSON.parse(byId("data").textContent);
const indices = new Map(data.rows.map((row, index) => [row.key, index]));
const parsed = new Map();
const texts = [];
let opened = -1;
let list;

// Texts are parsed when they are needed, some answers at a time.
function chunk(number, keep) {
  if (parsed.has(number)) return parsed.get(number);
  const found = JSON.parse(byId(`c${number}`).textContent);
  if (keep) parsed.set(number, found);
  return found;
}

const detailOf = (index) => chunk(Math.floor(index / data.chunk), true)[index % data.chunk];

function textOf(index) {
  for (let number = Math.ceil(texts.length / data.chunk); texts.length <= index; number += 1) {
    for (const d of chunk(number, false)) {
      const { key, model } = data.rows[texts.length];
      texts.push([d.question, d.answer.text, ...d.passages.map((p) => p.text), model, key].join("\n").toLowerCase());
    }
  }
  return texts[index];
}

function open(row, follow) {
  opened = indices.get(row.key);
  const around = list ? list.found : data.rows;
  const at = around.indexOf(row);
  const step = (offset, label, sign) => el("button.quiet", {
    type: "button", "aria-label": label, title: label, disabled: at < 0 || !around[at + offset], click: () => go(offset),
  }, sign);
  const turn = el("div.turn", {}, step(-1, "Previous answer (k)", "‹"),
    el("span.soft.number", {}, at < 0 ? "" : `${count(at + 1)} of ${count(around.length)}`), step(1, "Next answer (j)", "›"));
  drawAnswer(row, detailOf(opened), data.comparison, turn);
  if (list) list.point(row);
  if (!follow) return;
  history.replaceState(null, "", `#${row.key}`);
  const article = byId("answer");
  article.focus({ preventScroll: true });
  const top = article.getBoundingClientRect().top;
  if (top < 0 || top > innerHeight / 2) article.scrollIntoView();
}

function go(offset) {
  const at = list.found.indexOf(data.rows[opened]);
  const next = list.found[at + offset];
  if (next) open(next, true);
}

function openKey(key) {
  const index = indices.get(key);
  if (index === undefined) return;
  open(data.rows[index], true);
  byId("answer").scrollIntoView();
}

function choose(slice, value) {
  const selects = byId("list").querySelectorAll("select");
  const select = selects[2 + slice];
  const at = data.figures.slices[slice].values.findIndex((v) => v.value === value);
  select.selectedIndex = at + 1;
  select.dispatchEvent(new Event("change"));
  byId("list").scrollIntoView();
}

function drawTop() {
  const dark = () => getComputedStyle(document.documentElement).colorScheme === "dark"
    || (!document.documentElement.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
  const toggle = el("button.quiet", { type: "button", id: "theme", click: () => {
    document.documentElement.dataset.theme = dark() ? "light" : "dark";
    name();
  } });
  const name = () => fill(toggle, dark() ? "Light" : "Dark");
  name();
  fill(byId("top"), el("h1", {}, data.title), el("nav", { "aria-label": "Parts of the report" },
    el("a", { href: "#list" }, "Answers"), data.comparison ? el("a", { href: "#comparison" }, "Comparison") : null, el("a", { href: "#figures" }, "Figures"), toggle));
  const { first_ms: first, last_ms: last } = data.figures.requests;
  fill(byId("foot"), el("span", {}, el("span.brand", {}, "groundwire"), ` ${data.version}`), el("span", {}, data.source),
    el("span", {}, `${count(data.requests)} ${plural("request", data.requests)}, ${count(data.spans)} spans`),
    data.other ? el("span", {}, `${count(data.other)} ${plural("request", data.other)} without a RAG answer`) : null,
    known(first) ? el("span", {}, `${moment(first)} to ${moment(last)}`) : null, data.note ? el("span", {}, data.note) : null);
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
  if (event.key === "j") go(1);
  else if (event.key === "k") go(-1);
  else if (event.key === "/") { list.search.focus(); event.preventDefault(); }
});

drawTop();
drawSummary(data);
if (data.rows.length) {
  const asked = indices.get(location.hash.slice(1));
  list = new List(data, textOf, open);
  open(data.rows[asked ?? 0], asked !== undefined);
}
if (data.comparison) drawComparison(data.comparison, openKey);
drawFigures(data, choose);
