"use strict";
(() => {
  const copy = async (button) => {
    const source = document.getElementById(button.dataset.copy);
    const text = source.tagName === "TABLE"
      ? [...source.rows].map((row) => [...row.cells].map((cell) => cell.textContent.trim()).join("\t")).join("\n")
      : source.textContent;
    const before = button.textContent;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(source);
      button.textContent = document.execCommand("copy") ? "Copied" : "Selected: press Ctrl+C";
    }
    setTimeout(() => { button.textContent = before; }, 2000);
  };

  const filter = (input) => {
    const rows = [...document.getElementById(input.dataset.filter).tBodies[0].rows];
    const count = document.getElementById(input.dataset.count);
    const apply = () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let left = 0;
      for (const row of rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
        left += !row.hidden;
      }
      count.textContent = `${left} of ${rows.length} shown`;
    };
    input.addEventListener("input", apply);
    apply();
  };

  // Laid out as a grid, a table is one to a screen reader by its roles alone; headings go with each value.
  document.querySelectorAll("table.many").forEach((table) => {
    const heads = [...table.tHead.rows[0].cells];
    const role = (name, nodes) => { for (const node of nodes) node.setAttribute("role", name); };
    role("table", [table]);
    role("rowgroup", [table.tHead, ...table.tBodies]);
    role("row", table.rows);
    role("columnheader", heads);
    for (const row of table.tBodies[0].rows) {
      role("cell", row.cells);
      [...row.cells].forEach((cell, k) => {
        cell.dataset.label = heads[k].textContent;
        cell.classList.add(`s${heads[k].dataset.share}`);
      });
    }
    table.classList.add("grid");
  });

  // A page that nobody makes again must not look like this morning's.
  document.querySelectorAll("[data-made]").forEach((note) => {
    const days = Math.floor((Date.now() - Date.parse(note.dataset.made)) / 86400000);
    note.hidden = !(days >= 2);
    note.textContent = `This page is ${days} days old`;
  });

  document.querySelectorAll("button[data-copy]").forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", () => copy(button));
  });
  document.querySelectorAll("input[data-filter]").forEach((input) => {
    input.closest(".tools").hidden = false;
    filter(input);
  });
})();
