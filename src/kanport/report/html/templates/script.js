"use strict";
// Search and filters over what stands in the page already; without this script all of it is shown.
(() => {
  const fold = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const element = (id) => document.getElementById(id);

  // An item is a row with its own words, those of its person, and what the filters ask about.
  const rowsOf = (section) => {
    let head = null;
    let who = "";
    return [...section.querySelectorAll(".piece > table > tbody > tr")].map((row) => {
      const first = row.cells[0];
      const own = fold(row.textContent);
      if (first.tagName === "TH") {
        head = first;
        who = fold(first.textContent);
      }
      return { node: row, head, text: first === head ? own : `${who} ${own}`,
               kind: row.className, risk: row.querySelector("em") ? "on" : "", cells: null };
    });
  };
  const projectsOf = (section) =>
    [...section.querySelectorAll("details")].map((node) => ({ node, text: fold(node.textContent) }));

  const endOf = (item) => {
    item.cells ??= [...item.node.cells].filter((cell) => cell.tagName === "TD")
      .map((cell) => cell.textContent);
    return item.cells;
  };

  const start = (tools) => {
    const section = tools.closest("section");
    const search = tools.querySelector("[type=search]");
    const filters = [...tools.querySelectorAll("[data-by]")];
    const output = tools.querySelector("output");
    const pieces = [...section.querySelectorAll(".piece")];
    let items = null;
    let timer = 0;

    const apply = () => {
      clearTimeout(timer);
      items ??= tools.dataset.list === "projects" ? projectsOf(section) : rowsOf(section);
      const words = fold(search.value).split(/\s+/).filter(Boolean);
      const wanted = {};
      for (const filter of filters) {
        wanted[filter.dataset.by] = filter.type === "checkbox" ? (filter.checked ? "on" : "")
          : filter.value;
      }
      let shown = 0;
      const visible = new Map();
      for (const item of items) {
        const show = (!wanted.kind || item.kind === wanted.kind)
          && (!wanted.risk || item.risk === "on")
          && (!wanted.end || endOf(item).some((cell) => cell.startsWith(wanted.end)))
          && words.every((word) => item.text.includes(word));
        if (item.node.hidden === show) item.node.hidden = !show;
        if (show) {
          shown += 1;
          if (item.head) visible.set(item.head, [...(visible.get(item.head) ?? []), item.node]);
        }
      }
      // A person's name stands in the first of the rows that are left.
      if (tools.dataset.list === "changes") {
        for (const [head, rows] of visible) {
          if (head.parentNode !== rows[0]) rows[0].prepend(head);
          if (head.rowSpan !== rows.length) head.rowSpan = rows.length;
        }
      }
      for (const piece of pieces) {
        piece.hidden = !piece.querySelector("tbody > tr:not([hidden])");
      }
      const all = shown === items.length;
      output.textContent = all ? "" : shown ? `${shown} of ${items.length} shown`
        : "Nothing matches.";
    };

    tools.addEventListener("submit", (event) => { event.preventDefault(); apply(); });
    tools.addEventListener("reset", () => { setTimeout(apply); });
    tools.addEventListener("change", apply);
    search.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(apply, 150); });
    tools.hidden = false;
    return { search, reset: () => { tools.reset(); apply(); }, apply };
  };

  const lists = {};
  for (const tools of document.querySelectorAll(".tools")) lists[tools.dataset.list] = start(tools);

  // #p12 leads to a person, also where a filter hides the row; #q=anna searches.
  const follow = () => {
    const name = location.hash.slice(1);
    if (name.startsWith("q=") && lists.changes) {
      lists.changes.search.value = decodeURIComponent(name.slice(2));
      lists.changes.apply();
      element("people").scrollIntoView();
      return;
    }
    const target = name && element(name);
    if (!target || target.tagName !== "TR") return;
    if (target.hidden || target.closest("[hidden]")) lists.changes.reset();
    target.scrollIntoView();
  };
  addEventListener("hashchange", follow);
  if (location.hash) follow();

  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open])")];
    for (const details of closed) details.open = true;
  });
  addEventListener("afterprint", () => { for (const details of closed) details.open = false; });
})();
