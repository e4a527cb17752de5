"use strict";
// Curves and sorting. Text from the data enters the page by textContent, and Plotly, which reads some tags, by plain().

(function () {
  const data = JSON.parse(document.getElementById("data").textContent);
  const plot = document.getElementById("plot");
  const FILLED = 5; // runs from which a band is a shade
  const SYMBOLS = ["circle", "square", "diamond", "triangle-up", "cross", "x", "star", "hexagon"];
  const LONGEST = 60; // characters of a name beside a point
  const at = (id) => document.getElementById(id);

  function plain(text) {
    const short = text.length > LONGEST ? text.slice(0, LONGEST - 1) + "\u2026" : text;
    return short.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  }

  function choose(select, entries) {
    for (const [value, text] of entries) {
      const option = document.createElement("option");
      option.value = value;
      option.textContent = text;
      select.append(option);
    }
  }

  function swatch(colour, dash) {
    const drawn = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const line = document.createElementNS("http://www.w3.org/2000/svg", "line");
    const facts = { x1: 0, x2: 26, y1: 5, y2: 5, stroke: colour, "stroke-width": 4 };
    for (const [name, value] of Object.entries(facts)) line.setAttribute(name, value);
    if (dash !== "solid") line.setAttribute("stroke-dasharray", dash.replaceAll("px", ""));
    for (const [name, value] of Object.entries({ width: 26, height: 10, class: "swatch", "aria-hidden": "true" }))
      drawn.setAttribute(name, value);
    drawn.append(line);
    return drawn;
  }

  function toggle(into, text, colour, dash, on) {
    const label = document.createElement("label");
    const box = document.createElement("input");
    box.type = "checkbox";
    box.checked = on;
    box.addEventListener("change", () => draw());
    label.append(box, " ", swatch(colour, dash), text);
    into.append(label);
    return { label, box };
  }

  const scoreOf = (env) => (data.curves.find((curve) => curve.env === env && curve.score) || {}).score;

  function scaled(values, score) {
    if (at("vertical").value === "return") return values;
    if (!score) return values.map(() => null);
    return values.map((value) => (value === null ? null : (value - score[0]) / (score[1] - score[0])));
  }

  function traceOfRuns(curve, rule, x) {
    const xs = [], ys = [], who = [], values = scaled(curve.y, curve.score);
    let start = 0;
    curve.sizes.forEach((size, i) => {
      const ended = curve.status[curve.seeds[i]];
      for (let k = start; k < start + size; k++) {
        xs.push(curve.x[x][k]);
        ys.push(values[k]);
        who.push("seed " + curve.seeds[i] + (ended ? " (" + plain(ended) + ")" : ""));
      }
      xs.push(null); ys.push(null); who.push("");
      start += size;
    });
    return {
      x: xs, y: ys, customdata: who, meta: plain(rule.name), mode: xs.length > 2 * curve.sizes.length ? "lines" : "markers",
      line: { color: rule.colour, width: 1, dash: rule.dash }, opacity: 0.4, connectgaps: false,
      hovertemplate: "%{meta}, %{customdata}<br>%{y:,.4~g} at %{x:,.5~g}<extra></extra>", name: "runs of " + plain(rule.name),
    };
  }

  function tracesOfBand(band, rule, score, shade) {
    const low = scaled(band.low, score), high = scaled(band.high, score);
    const line = shade ? { width: 0 } : { width: 1, dash: "dot", color: rule.colour };
    const edge = { x: band.x, mode: "lines", line, hoverinfo: "skip", name: "band of " + plain(rule.name) };
    const fill = shade ? { fill: "tonexty", fillcolor: rule.colour + "22" } : {};
    return [{ ...edge, y: low }, { ...edge, y: high, ...fill }];
  }

  function traceOfCentre(band, rule, score) {
    const y = scaled(band.centre, score), low = scaled(band.low, score), high = scaled(band.high, score);
    const bounds = low.map((least, k) =>
      least === null || high[k] === null ? "" : "<br>band " + least.toPrecision(4) + " to " + high[k].toPrecision(4));
    return {
      x: band.x, y, customdata: bounds, meta: plain(rule.name), name: plain(rule.name),
      mode: band.x.length > 1 ? "lines" : "markers", line: { color: rule.colour, width: 3, dash: rule.dash },
      hovertemplate: "<b>%{meta}</b><br>IQM %{y:,.4~g} at %{x:,.5~g}%{customdata}<extra></extra>",
    };
  }

  function traceOfPublished(curve, score) {
    const y = scaled(curve.y, score);
    const spread = curve.sd.map((sd) => (sd === null ? "" : "<br>s.d. of the return " + sd.toPrecision(4)));
    const colour = colourOf(curve);
    return {
      x: curve.x, y, customdata: spread, meta: plain(curve.name), name: plain(curve.name), mode: "lines+markers",
      line: { color: colour, width: 1.5, dash: "dot" },
      marker: { color: colour, size: 6, symbol: SYMBOLS[curve.symbol % SYMBOLS.length] + "-open" },
      hovertemplate: "%{meta}<br>%{y:,.4~g} at %{x:,.5~g}%{customdata}<extra></extra>",
    };
  }

  const ink = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const colourOf = (curve) => (curve.rule === null ? ink("--soft") : data.rules[curve.rule].colour);

  function traces(env, x) {
    const drawn = [], resting = [];
    for (const curve of data.curves.filter((found) => found.env === env && rules[found.rule].box.checked)) {
      const rule = data.rules[curve.rule];
      if (curve.x[x].every((value) => value === 0)) { resting.push(rule.name); continue; }
      if (at("runs").checked) drawn.push(traceOfRuns(curve, rule, x));
      if (!curve.band[x]) continue;
      if (at("band").checked)
        drawn.push(...tracesOfBand(curve.band[x], rule, curve.score, curve.sizes.length >= FILLED));
      drawn.push(traceOfCentre(curve.band[x], rule, curve.score));
    }
    const order = (trace) => (trace.line.width === 3 ? 1 : 0);
    return { drawn: drawn.sort((a, b) => order(a) - order(b)), resting };
  }

  function reach(drawn) { // of our curves, where published ones go on; otherwise Plotly finds it
    const known = drawn.filter((trace) => !trace.marker).flatMap((trace) => trace.x).filter((x) => x !== null);
    const last = known.reduce((a, b) => Math.max(a, b), 0), first = known.filter((x) => x > 0).reduce((a, b) => Math.min(a, b), last);
    if (!last || !drawn.some((trace) => trace.marker)) return { last: Infinity };
    return { last, range: at("log").checked ? [Math.log10(first), Math.log10(last)] : [0, last] };
  }

  function span(drawn, last) { // of runs and means up to there; bands may leave it
    const values = drawn.filter((trace) => trace.hoverinfo !== "skip")
      .flatMap((trace) => trace.y.filter((y, k) => y !== null && trace.x[k] <= last));
    if (!values.length) return undefined;
    const low = values.reduce((a, b) => Math.min(a, b)), high = values.reduce((a, b) => Math.max(a, b));
    const margin = 0.06 * (high - low) || 1;
    return [low - margin, high + margin];
  }

  function layout(drawn, x) {
    const vertical = at("vertical").value === "return" ? "return" : "score (0 random, 1 reference)";
    const axis = { gridcolor: ink("--grid"), linecolor: ink("--line"), zerolinecolor: ink("--line"), automargin: true };
    const { last, range } = reach(drawn);
    const view = [at("environment").value, x, at("vertical").value, at("log").checked].join();
    return {
      showlegend: false, hovermode: "closest", uirevision: view, margin: { l: 48, r: 12, t: 28, b: 44 },
      paper_bgcolor: ink("--ground"), plot_bgcolor: ink("--ground"), font: { color: ink("--ink"), size: 13 },
      xaxis: { ...axis, title: { text: data.axes[x] }, type: at("log").checked ? "log" : "linear", range },
      yaxis: { ...axis, title: { text: vertical }, range: span(drawn, last) },
      hoverlabel: { align: "left" },
    };
  }

  function draw() {
    const env = Number(at("environment").value), x = at("horizontal").value, score = scoreOf(env);
    at("vertical").options[1].disabled = !score;
    if (!score) at("vertical").value = "return";
    const here = new Set(data.curves.filter((curve) => curve.env === env).map((curve) => curve.rule));
    rules.forEach(({ label }, i) => { label.hidden = !here.has(i); });
    const { drawn, resting } = traces(env, x);
    const others = [], known = data.published.some((curve) => curve.envs.includes(env));
    if (at("others")) at("others").hidden = !known || x !== "grid_step";
    published.forEach(({ label, box }, i) => {
      const curve = data.published[i], place = curve.envs.indexOf(env);
      label.hidden = place < 0 || x !== "grid_step";
      if (label.hidden || !box.checked) return;
      drawn.push(traceOfPublished(curve, score));
      if (!curve.same[place]) others.push(curve.name);
    });
    at("remark").textContent = [
      resting.length ? "Not drawn, for they take none: " + resting.join(", ") + "." : "",
      others.length ? "Rewards differ between this version of the environment and that of: " + others.join("; ") + "." : "",
      at("others") && !known ? "No published curve of this environment." : "",
      known && x !== "grid_step" ? "Published curves are known in environment steps only." : "",
      drawn.some((trace) => trace.marker) ? "Double-click to see published curves to their ends." : "",
      at("log").checked ? "A logarithmic axis has no point at 0." : "",
    ].filter(Boolean).join(" ");
    const tools = ["select2d", "lasso2d", "autoScale2d"];
    Plotly.react(plot, drawn, layout(drawn, x), { responsive: true, displaylogo: false, modeBarButtonsToRemove: tools });
  }

  function sort(table, column) {
    const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0];
    const numeric = heads[column].classList.contains("number");
    const down = heads[column].getAttribute("aria-sort") === "ascending";
    heads.forEach((head, i) => head.setAttribute("aria-sort", i !== column ? "none" : down ? "descending" : "ascending"));
    const key = (row) => (numeric ? row.cells[column].dataset.value : row.cells[column].textContent);
    const compare = (a, b) => (numeric ? Number(a) - Number(b) : a.localeCompare(b, "en", { numeric: true }));
    const rows = [...body.rows].map((row) => ({ row, key: key(row) }));
    const known = rows.filter((entry) => entry.key !== undefined && entry.key !== "");
    const unknown = rows.filter((entry) => !known.includes(entry));
    known.sort((a, b) => (down ? compare(b.key, a.key) : compare(a.key, b.key)));
    body.append(...known.map((entry) => entry.row), ...unknown.map((entry) => entry.row));
  }

  document.querySelectorAll("table.sortable").forEach((table) => {
    [...table.tHead.rows[0].cells].forEach((head, i) =>
      head.querySelector("button").addEventListener("click", () => sort(table, i)));
  });

  choose(at("environment"), data.environments.map((name, i) => [i, name]));
  choose(at("horizontal"), Object.entries(data.axes));
  const rules = data.rules.map((rule) => toggle(at("rules"), rule.name, rule.colour, rule.dash, true));
  const published = data.published.map((curve) =>
    toggle(at("published"), curve.name, colourOf(curve), "2px,2px", curve.rule !== null));
  for (const id of ["environment", "horizontal", "vertical", "log", "runs", "band"])
    at(id).addEventListener("change", () => draw());
  for (const [id, on] of [["all", true], ["none", false]])
    at(id).addEventListener("click", () => { rules.forEach(({ box }) => { box.checked = on; }); draw(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => draw());
  draw();
})();
