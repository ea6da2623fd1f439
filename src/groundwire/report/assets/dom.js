// Elements are made, never parsed: text from a trace becomes a text node and nothing else.

const byId = (id) => document.getElementById(id);

function el(name, attributes = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  const node = document.createElement(tag);
  if (classes.length) node.className = classes.join(" ");
  return filled(node, attributes, children);
}

function svg(name, attributes = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  if (classes.length) node.setAttribute("class", classes.join(" "));
  return filled(node, attributes, children);
}

// A function is a listener; null, undefined and false are left out.
function filled(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(key, value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== ""));
  return node;
}

function fill(node, ...children) {
  node.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== ""));
  return node;
}

// Told apart by shape as well as by colour.
const MARKS = {
  failed: ["✗", "bad"], error: ["✗", "bad"], doubtful: ["!", "doubt"], passed: ["✓", "good"],
  not_scored: ["·", "soft"], unchecked: ["·", "soft"],
};

function mark(verdict) {
  const [sign, style] = MARKS[verdict] || MARKS.unchecked;
  return el(`span.${style}`, { "aria-hidden": "true" }, sign);
}

function placed(node, left, width) {
  node.style.left = `${left}%`;
  if (width !== undefined) node.style.width = `${width}%`;
  return node;
}
