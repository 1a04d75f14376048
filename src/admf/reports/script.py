"""Script of the report: draws the pictures in the page's colours, pages and sorts the trades. No network."""

from __future__ import annotations

JS = r"""
(function () {
  "use strict";
  const root = document.documentElement;
  const plots = Array.from(document.querySelectorAll(".plot[data-figure]"));
  const coarse = matchMedia("(pointer: coarse)").matches || innerWidth < 600;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let paper = false;

  function colours() {
    const css = getComputedStyle(root);
    const of = (name) => css.getPropertyValue(name).trim();
    return paper
      ? { ink: "#444", grid: "#ddd", card: "#fff", line: "#ccc" }
      : { ink: of("--muted"), grid: of("--line"), card: of("--card"), line: of("--line") };
  }

  function themed(layout) {
    const c = colours();
    const update = {
      "font.color": c.ink,
      "hoverlabel.bgcolor": c.card,
      "hoverlabel.bordercolor": c.line,
      "hoverlabel.font.color": c.ink,
      "modebar.bgcolor": "rgba(0,0,0,0)",
      "modebar.color": c.line,
      "modebar.activecolor": c.ink,
    };
    Object.keys(layout).forEach((key) => {
      if (/^[xy]axis/.test(key)) update[key + ".gridcolor"] = c.grid;
    });
    return update;
  }

  function draw(div) {
    const figure = JSON.parse(document.getElementById(div.dataset.figure).textContent);
    const layout = figure.layout;
    if (coarse) layout.dragmode = false; // a finger scrolls the page
    if (innerWidth < 600) layout.font.size = 11;
    const config = {
      responsive: true,
      displaylogo: false,
      displayModeBar: coarse ? false : "hover",
      modeBarButtons: [["toImage", "zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d"]],
    };
    return Plotly.newPlot(div, figure.data, layout, config).then(() => {
      div.removeAttribute("aria-busy");
      return Plotly.relayout(div, themed(layout));
    });
  }

  function retheme() {
    plots.forEach((div) => div.layout && Plotly.relayout(div, themed(div.layout)));
  }

  plots.reduce((before, div) => before.then(() => draw(div)), Promise.resolve()).then(() => {
    root.dataset.drawn = "yes";
  });
  dark.addEventListener("change", retheme);
  addEventListener("beforeprint", () => {
    paper = true;
    document.querySelectorAll("details").forEach((item) => { item.open = true; });
    plots.forEach((div) => {
      const half = div.classList.contains("plot-half");
      const size = { width: half ? 310 : 650, height: div.id === "plot-equity" ? 380 : 270 };
      if (div.layout) Plotly.relayout(div, Object.assign(size, themed(div.layout)));
    });
  });
  addEventListener("afterprint", () => {
    paper = false;
    plots.forEach((div) => {
      const free = { width: null, height: null, autosize: true };
      if (div.layout) Plotly.relayout(div, Object.assign(free, themed(div.layout)));
    });
  });

  document.querySelectorAll("[data-scale]").forEach((button) => {
    button.addEventListener("click", () => {
      const log = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(log));
      const plot = document.getElementById(button.dataset.scale);
      Plotly.relayout(plot, { "yaxis.type": log ? "log" : "linear" });
    });
  });

  const table = document.getElementById("trades-table");
  const source = document.getElementById("trades-csv");
  if (!table || !source) return;
  const text = new TextDecoder().decode(
    Uint8Array.from(atob(source.href.split("base64,")[1]), (letter) => letter.charCodeAt(0))
  );
  const cells = (line) => Array.from(line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g), (found) =>
    found[1] === undefined ? found[2] : found[1].replaceAll('""', '"'));
  const rows = text.trim().split("\n").slice(1).map(cells);
  const heads = Array.from(table.tHead.rows[0].cells);
  const body = table.tBodies[0];
  const size = Number(table.dataset.page);
  let page = 0;
  let order = rows.map((_, i) => i);

  function shown(value, { kind, digits }) {
    if (kind === "text") return value;
    const number = Number(value);
    if (value === "" || !isFinite(number)) return "\u2013";
    const fixed = (x, n) =>
      x.toLocaleString("en-US", { minimumFractionDigits: n, maximumFractionDigits: n });
    return kind === "percent" ? fixed(number * 100, 2) + " %" : fixed(number, Number(digits));
  }

  function render() {
    const last = Math.max(Math.ceil(rows.length / size) - 1, 0);
    page = Math.min(Math.max(page, 0), last);
    body.replaceChildren(...order.slice(page * size, (page + 1) * size).map((index) => {
      const line = document.createElement("tr");
      heads.forEach((head, column) => {
        const cell = document.createElement("td");
        const value = rows[index][column];
        cell.textContent = shown(value, head.dataset);
        if (head.dataset.kind === "text") cell.className = "text";
        if (head.dataset.sign && Number(value) !== 0) cell.className = Number(value) > 0 ? "gain" : "loss";
        line.append(cell);
      });
      return line;
    }));
    const from = page * size + 1;
    document.getElementById("trades-place").textContent =
      from + " to " + Math.min(from + size - 1, rows.length) + " of " + rows.length.toLocaleString("en-US");
    document.getElementById("trades-before").disabled = page === 0;
    document.getElementById("trades-next").disabled = page === last;
  }

  heads.forEach((head, column) => {
    head.querySelector("button").addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const plain = head.dataset.kind === "text";
      const key = (i) => (plain ? rows[i][column] : Number(rows[i][column]));
      order.sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : a - b) * (up ? 1 : -1));
      page = 0;
      render();
    });
  });
  document.getElementById("trades-before").addEventListener("click", () => { page -= 1; render(); });
  document.getElementById("trades-next").addEventListener("click", () => { page += 1; render(); });
  document.getElementById("trades-pager").hidden = rows.length <= size;
  render();
})();
"""
