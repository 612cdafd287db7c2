"use strict";
// Search, filters, order, copies and links over what stands in the page already; without this
// script all of it is shown.
(() => {
  const fold = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const element = (id) => document.getElementById(id);
  const compare = new Intl.Collator("en", { numeric: true, sensitivity: "base" }).compare;

  // A cell as text: what stands on lines of their own is kept apart.
  const textOf = (node) => {
    let text = "";
    for (const child of node.childNodes) {
      if (child.nodeType === 3) text += child.data;
      else if (child.tagName === "BR") text += "; ";
      else text += (/^(I|P|EM)$/.test(child.tagName) && text ? " " : "") + textOf(child);
    }
    return text.trim();
  };

  // An item is a row with its own words, those of its person, and what the filters ask about.
  const rowsOf = (section) => {
    let head = null;
    let who = "";
    return [...section.querySelectorAll(".piece > table > tbody > tr")].map((row, order) => {
      const first = row.cells[0];
      const own = fold(row.textContent);
      if (first.tagName === "TH") {
        head = first;
        who = fold(first.textContent);
      }
      return { node: row, head, order, text: first === head ? own : `${who} ${own}`,
               kind: row.className, risk: row.querySelector(".review") ? "on" : "", cells: null };
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
    const name = tools.dataset.list;
    const section = tools.closest("section");
    const search = tools.querySelector("[type=search]");
    const filters = [...tools.querySelectorAll("[data-by]")];
    const output = tools.querySelector("output");
    const pieces = [...section.querySelectorAll(".piece:has(> table > tbody)")]
      .filter((piece) => !piece.querySelector(".flows"));
    const sizes = pieces.map((piece) => piece.querySelector("tbody").rows.length);
    let items = null;
    let timer = 0;
    let sorted = "";
    let quiet = false;
    const list = () => {
      items ??= name === "projects" ? projectsOf(section) : rowsOf(section)
        .filter((item) => !item.node.closest(".flows"));
      return items;
    };

    // In another order each row needs the name of its person.
    const unfold = () => {
      for (const item of list()) {
        if (item.node.cells[0].tagName === "TH") item.node.cells[0].rowSpan = 1;
        else {
          const copy = item.head.cloneNode(true);
          copy.removeAttribute("id");
          copy.rowSpan = 1;
          item.node.prepend(copy);
        }
        item.head = item.node.cells[0];
      }
    };
    const sortBy = (column, down) => {
      if (name === "projects") return;
      if (!sorted) unfold();
      sorted = `${column}${down ? "-" : ""}`;
      const keys = new Map(list().map((item) => [item, textOf(item.node.cells[column])]));
      items.sort((a, b) => (down ? -1 : 1) * compare(keys.get(a), keys.get(b)) || a.order - b.order);
      let next = 0;
      pieces.forEach((piece, number) => {
        piece.querySelector("tbody").append(
          ...items.slice(next, next += sizes[number]).map((item) => item.node));
        [...piece.querySelectorAll("thead th")].forEach((head, at) => {
          if (at !== column) head.removeAttribute("aria-sort");
          else head.setAttribute("aria-sort", down ? "descending" : "ascending");
        });
      });
    };

    const apply = () => {
      clearTimeout(timer);
      const words = fold(search.value).split(/\s+/).filter(Boolean);
      const wanted = {};
      for (const filter of filters) {
        wanted[filter.dataset.by] = filter.type === "checkbox" ? (filter.checked ? "on" : "")
          : filter.value;
      }
      let shown = 0;
      const visible = new Map();
      for (const item of list()) {
        const show = (!wanted.kind || item.kind === wanted.kind)
          && (!wanted.risk || item.risk === "on")
          && (!wanted.changed || item.node.classList.contains("changed"))
          && (!wanted.privileged || item.node.classList.contains("privileged"))
          && (!wanted.end || endOf(item).some((cell) => cell.startsWith(wanted.end)))
          && words.every((word) => item.text.includes(word));
        if (item.node.hidden === show) item.node.hidden = !show;
        if (show) {
          shown += 1;
          if (item.head) visible.set(item.head, [...(visible.get(item.head) ?? []), item.node]);
        }
      }
      // A person's name stands in the first of the rows that are left.
      if (name === "changes" && !sorted) {
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

    // What is chosen stands in the address, which can be sent to somebody.
    const address = () => {
      const chosen = new URLSearchParams({ list: name });
      if (search.value) chosen.set("q", search.value);
      for (const filter of filters) {
        const value = filter.type === "checkbox" ? (filter.checked ? "on" : "") : filter.value;
        if (value) chosen.set(filter.dataset.by, value);
      }
      if (sorted) chosen.set("sort", sorted);
      return `#${chosen}`;
    };
    const remember = () => history.replaceState(null, "", address());
    const restore = (chosen) => {
      search.value = chosen.get("q") ?? "";
      for (const filter of filters) {
        const value = chosen.get(filter.dataset.by) ?? "";
        if (filter.type === "checkbox") filter.checked = value === "on";
        else filter.value = value;
      }
      const order = /^(\d+)(-?)$/.exec(chosen.get("sort") ?? "");
      if (order && Number(order[1]) < (list()[0]?.node.cells?.length ?? 0)) {
        sortBy(Number(order[1]), order[2] === "-");
      }
      apply();
    };

    const table = () => {
      const heads = [...pieces[0].querySelectorAll("thead th")].map(textOf);
      const rows = [];
      for (const item of list()) {
        if (item.node.hidden) continue;
        const cells = [...item.node.cells].map(textOf);
        if (item.node.cells.length < heads.length && item.head) cells.unshift(textOf(item.head));
        rows.push(cells);
      }
      return [heads, ...rows];
    };
    const say = (text) => { output.textContent = text; };
    const copy = (text, what) => navigator.clipboard.writeText(text)
      .then(() => say(`${what} copied.`), () => say("The browser does not allow copying."));
    const csvCell = (cell) => {
      const harmless = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell;
      return /[",\n\r]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
    };
    const doing = {
      copy: () => copy(table().map((row) => row.join("\t")).join("\n"), "The rows are"),
      link: () => copy(location.href.replace(/#.*$/, "") + address(), "The link is"),
      save: () => {
        const text = table().map((row) => row.map(csvCell).join(",")).join("\r\n");
        const link = document.createElement("a");
        link.href = URL.createObjectURL(new Blob(["\ufeff", text, "\r\n"], { type: "text/csv" }));
        link.download = `${name}.csv`;
        link.click();
        URL.revokeObjectURL(link.href);
      },
    };

    tools.addEventListener("submit", (event) => { event.preventDefault(); apply(); remember(); });
    tools.addEventListener("reset", () => {
      const silent = quiet;
      setTimeout(() => { apply(); if (!silent) remember(); });
    });
    tools.addEventListener("change", (event) => {
      // What is typed was followed already; this comes when somebody leaves the field by a link.
      if (event.target === search) return;
      apply();
      remember();
    });
    search.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => { apply(); remember(); }, 150);
    });
    for (const button of tools.querySelectorAll("[data-do]")) {
      button.addEventListener("click", () => doing[button.dataset.do]());
    }
    if (name !== "projects") {
      for (const piece of pieces) orderable(piece.querySelector("thead"), (column, down) => {
        sortBy(column, down);
        apply();
        remember();
      });
    }
    tools.hidden = false;
    // The address leads to a row then, and keeps doing so.
    const reset = () => { quiet = true; tools.reset(); quiet = false; apply(); };
    return { search, restore, reset, apply };
  };

  // Heads that the keyboard reaches; a second press turns the order round.
  const orderable = (head, sort) => {
    [...head.rows[0].cells].forEach((cell, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...cell.childNodes);
      button.addEventListener("click", () => {
        sort(column, cell.getAttribute("aria-sort") === "ascending");
      });
      cell.append(button);
    });
  };
  for (const table of document.querySelectorAll(".flows, .codes, .reasons")) {
    orderable(table.tHead, (column, down) => {
      const rows = [...table.tBodies[0].rows];
      const keys = new Map(rows.map((row) => [row, textOf(row.cells[column])]));
      rows.sort((a, b) => (down ? -1 : 1) * compare(keys.get(a), keys.get(b)));
      table.tBodies[0].append(...rows);
      [...table.tHead.rows[0].cells].forEach((cell, at) => {
        if (at !== column) cell.removeAttribute("aria-sort");
        else cell.setAttribute("aria-sort", down ? "descending" : "ascending");
      });
    });
  }

  const lists = {};
  for (const tools of document.querySelectorAll(".tools")) lists[tools.dataset.list] = start(tools);

  // Heads of tables stay below the contents and the tools of their list.
  const place = () => {
    const contents = document.querySelector("nav").offsetHeight;
    for (const tools of document.querySelectorAll(".tools")) {
      tools.style.setProperty("top", `${contents}px`);
      const top = getComputedStyle(tools).position === "sticky" ? contents + tools.offsetHeight : contents;
      tools.closest("section").style.setProperty("--head-top", `${top - 1}px`);
    }
  };
  place();
  addEventListener("resize", place);

  // #c0012 leads to a change, #p12 to a person, also where a filter hides the row; #q=anna searches.
  const follow = () => {
    const name = location.hash.slice(1);
    if (name.includes("=")) {
      const chosen = new URLSearchParams(name);
      const which = chosen.get("list") ?? "changes";
      if (!Object.hasOwn(lists, which)) return;
      lists[which].restore(chosen);
      lists[which].search.closest("section").scrollIntoView();
      return;
    }
    const target = name && element(name);
    const row = target && target.closest("tr");
    if (!row) return;
    if (row.hidden || row.closest("[hidden]")) lists.changes.reset();
    row.scrollIntoView();
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
