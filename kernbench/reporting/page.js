"use strict";
(() => {
  const series = JSON.parse(document.getElementById("series").textContent);
  const step = (permille) => Math.min(9, Math.floor(permille / 100));
  const percent = (permille) => (permille / 10).toFixed(1) + "%";
  const slider = document.getElementById("moment");
  const read = document.getElementById("read");
  let pointed = null;

  const time = (ns) => {
    const unit = ns >= 1e6 ? ["ms", 1e6] : ns >= 1e3 ? ["us", 1e3] : ["ns", 1];
    return Number((ns / unit[1]).toPrecision(4)) + " " + unit[0];
  };
  const share = (group) => {
    const at = slider ? Number(slider.value) : 0;
    if (at === 0) return series.whole[group];
    const values = series.series[group];
    return values ? values[at - 1] || 0 : 0;
  };
  const tell = () => {
    if (!read) return;
    const bar = pointed;
    read.textContent = bar ? bar.dataset.title.replace(/: [\d.]+%/, ": " + percent(share(Number(bar.dataset.b)))) : read.dataset.hint;
  };
  const show = () => {
    const at = Number(slider.value);
    for (const fill of document.querySelectorAll("[data-g]")) {
      const permille = share(Number(fill.dataset.g));
      fill.style.setProperty("--u", Math.min(1, permille / 1000));
      fill.style.setProperty("--c", "var(--h" + step(permille) + ")");
    }
    for (const value of document.querySelectorAll("[data-t]")) value.textContent = percent(share(Number(value.dataset.t)));
    const label = at === 0 ? "whole run" : time((at - 1) * series.width_ns) + " to " + time(at * series.width_ns);
    document.getElementById("label").textContent = label;
    slider.setAttribute("aria-valuetext", label);
    const now = document.getElementById("now");
    if (now) {
      const chart = now.ownerSVGElement;
      const end = Number(document.getElementById("chart").dataset.end);
      const part = Math.min(1, ((at - 0.5) * series.width_ns) / end);
      const x = Number(chart.dataset.left) + part * Number(chart.dataset.width);
      now.setAttribute("x1", x);
      now.setAttribute("x2", x);
      now.setAttribute("visibility", at === 0 ? "hidden" : "visible");
    }
    tell();
  };
  if (slider) {
    slider.addEventListener("input", show);
    document.getElementById("whole").addEventListener("click", () => { slider.value = 0; show(); });
    const play = document.getElementById("play");
    let timer = 0;
    const stop = () => { clearInterval(timer); timer = 0; play.textContent = "play"; };
    play.addEventListener("click", () => {
      if (timer) { stop(); return; }
      if (Number(slider.value) >= Number(slider.max)) slider.value = 0;
      play.textContent = "pause";
      timer = setInterval(() => {
        slider.value = Number(slider.value) + 1;
        show();
        if (Number(slider.value) >= Number(slider.max)) stop();
      }, Math.max(40, 8000 / Number(slider.max)));
    });
    show();
  }
  for (const bar of document.querySelectorAll("[data-b]")) {
    bar.addEventListener("pointerenter", () => { pointed = bar; tell(); });
    bar.addEventListener("pointerleave", () => { pointed = null; tell(); });
  }
  const chart = document.querySelector("svg.time");
  if (chart && slider) {
    chart.addEventListener("click", (event) => {
      const box = chart.getBoundingClientRect();
      const scale = chart.viewBox.baseVal.width / box.width;
      const part = ((event.clientX - box.left) * scale - Number(chart.dataset.left)) / Number(chart.dataset.width);
      if (part < 0 || part > 1) return;
      const end = Number(document.getElementById("chart").dataset.end);
      slider.value = Math.floor((part * end) / series.width_ns) + 1;
      show();
    });
  }

  const value = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.v === undefined ? cell.textContent : cell.dataset.v === "" ? -Infinity : Number(cell.dataset.v);
  };
  for (const table of document.querySelectorAll("table")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const first = table.tBodies[0].rows[0];
      if (first && first.cells[column].className === "text") head.className = "left";
      head.firstElementChild.addEventListener("click", () => {
        const numeric = typeof value(table.tBodies[0].rows[0], column) === "number";
        const up = head.getAttribute("aria-sort") ? head.getAttribute("aria-sort") === "descending" : !numeric;
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        const rows = [...table.tBodies[0].rows];
        rows.sort((a, b) => {
          const left = value(a, column), right = value(b, column);
          const order = typeof left === "number" ? left - right || 0 : String(left).localeCompare(String(right), "en", { numeric: true });
          return up ? order : -order;
        });
        table.tBodies[0].append(...rows);
        shorten(table);
      });
    });
    shorten(table);
  }
  function shorten(table) {
    if (table.id !== "links") return;
    let shown = 0;
    for (const row of table.tBodies[0].rows) {
      if (!row.classList.contains("hidden")) shown += 1;
      row.classList.toggle("more", shown > 20);
    }
  }
  const links = document.getElementById("links");
  if (links) {
    const filter = document.getElementById("filter");
    filter.addEventListener("input", () => {
      const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
      for (const row of links.tBodies[0].rows) {
        const text = row.textContent.toLowerCase();
        row.classList.toggle("hidden", !words.every((word) => text.includes(word)));
      }
      shorten(links);
    });
    const all = document.getElementById("all");
    all.addEventListener("click", () => {
      all.textContent = links.classList.toggle("all") ? "busiest 20" : "show all";
    });
  }
})();
