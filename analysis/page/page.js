"use strict";
// Curves, filters and sorting. Colours, dashes, symbols and axes come with the data. Text from the data enters the page by textContent, and Plotly, which reads some tags, by plain().

(function () {
  const data = JSON.parse(document.getElementById("data").textContent);
  const plot = document.getElementById("plot");
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
    label.append(box, " ", ...(colour ? [swatch(colour, dash)] : []), text);
    into.append(label);
    return { label, box };
  }

  const scoreOf = (env) => (data.curves.find((curve) => curve.env === env && curve.score) || {}).score;

  function scaled(values, score) {
    if (at("vertical").value === "return") return values;
    if (!score) return values.map(() => null);
    return values.map((value) => (value === null ? null : (value - score[0]) / (score[1] - score[0])));
  }

  function pieces(curve, x) { // of the runs whose seed is chosen: as measured, and as imputed after a failure
    const values = scaled(curve.y, curve.score), runs = [];
    let start = 0;
    curve.sizes.forEach((size, i) => {
      const seed = curve.seeds[i], ended = curve.status[seed], from = start, lived = start + curve.lived[i];
      start += size;
      if (!seeds.get(seed).box.checked) return;
      const cut = (a, b) => ({ x: curve.x[x].slice(a, b), y: values.slice(a, b) });
      const who = "seed " + seed + (ended ? " (" + plain(ended) + ")" : "");
      const gone = lived < from + size;
      runs.push({ who, measured: cut(from, lived), after: gone ? cut(Math.max(from, lived - 1), from + size) : null });
    });
    return runs;
  }

  function joined(parts) { // lines end to end, gaps between them
    const xs = [], ys = [], who = [];
    for (const part of parts) {
      xs.push(...part.x, null); ys.push(...part.y, null); who.push(...part.x.map(() => part.who), "");
    }
    return { x: xs, y: ys, customdata: who };
  }

  function tracesOfRuns(curve, rule, x) {
    const runs = pieces(curve, x), failed = runs.filter((run) => run.after);
    const common = {
      meta: plain(rule.name), opacity: 0.45, connectgaps: false,
      hovertemplate: "%{meta}, %{customdata}<br>%{y:,.4~g} at %{x:,.5~g}<extra></extra>",
    };
    const measured = joined(runs.map((run) => ({ ...run.measured, who: run.who })));
    const lines = {
      ...common, ...measured, name: "runs of " + plain(rule.name), line: { color: rule.colour, width: 1 },
      mode: measured.x.length > 2 * runs.length ? "lines" : "markers",
    };
    if (!failed.length) return [lines];
    const after = joined(failed.map((run) => ({ ...run.after, who: run.who + ", imputed" })));
    const ends = failed.map((run) => ({ x: run.after.x.slice(0, 1), y: run.after.y.slice(0, 1), who: run.who }));
    return [
      lines,
      { ...common, ...after, name: "imputed runs of " + plain(rule.name), mode: "lines", line: { color: rule.colour, width: 1, dash: "3px,3px" } },
      { ...common, ...joined(ends), name: "failures of " + plain(rule.name), mode: "markers", opacity: 1,
        line: { width: 0 }, marker: { color: rule.colour, size: 8, symbol: "x-thin", line: { color: rule.colour, width: 2 } } },
    ];
  }

  function tracesOfBand(band, rule, score) {
    const edge = { x: band.x, mode: "lines", line: { width: 0 }, hoverinfo: "skip", name: "band of " + plain(rule.name) };
    const fill = { fill: "tonexty", fillcolor: rule.colour + "22" };
    return [{ ...edge, y: scaled(band.low, score) }, { ...edge, y: scaled(band.high, score), ...fill }];
  }

  function traceOfCentre(band, rule, score) {
    const y = scaled(band.centre, score), low = scaled(band.low || [], score), high = scaled(band.high || [], score);
    const bounds = y.map((_, k) =>
      low[k] == null || high[k] == null ? "" : "<br>band " + low[k].toPrecision(4) + " to " + high[k].toPrecision(4));
    return {
      x: band.x, y, customdata: bounds, meta: plain(rule.name), name: plain(rule.name),
      mode: band.x.length > 1 ? "lines" : "markers", line: { color: rule.colour, width: 3, dash: rule.dash },
      hovertemplate: "<b>%{meta}</b><br>IQM %{y:,.4~g} at %{x:,.5~g}%{customdata}<extra></extra>",
    };
  }

  function traceOfPublished(curve, score) {
    const y = scaled(curve.y, score);
    const spread = curve.sd.map((sd) => (sd === null ? "" : "<br>s.d. of the return " + sd.toPrecision(4)));
    return {
      x: curve.x, y, customdata: spread, meta: plain(curve.name), name: plain(curve.name), mode: "lines+markers",
      line: { color: curve.colour, width: 1.5, dash: curve.dash }, theirs: true,
      marker: { color: curve.colour, size: 6, symbol: curve.symbol },
      hovertemplate: "%{meta}<br>%{y:,.4~g} at %{x:,.5~g}%{customdata}<extra></extra>",
    };
  }

  const ink = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function traces(env, x) {
    const drawn = [], resting = [];
    for (const curve of data.curves.filter((found) => found.env === env && rules[found.rule].box.checked)) {
      const rule = data.rules[curve.rule];
      if (curve.x[x].every((value) => value === 0)) { resting.push(rule.name); continue; }
      if (at("runs").checked) drawn.push(...tracesOfRuns(curve, rule, x));
      if (!curve.band[x]) continue;
      if (at("band").checked && curve.band[x].low) drawn.push(...tracesOfBand(curve.band[x], rule, curve.score));
      if (at("centres").checked) drawn.push(traceOfCentre(curve.band[x], rule, curve.score));
    }
    const order = (trace) => (trace.line.width === 3 ? 1 : 0);
    return { drawn: drawn.sort((a, b) => order(a) - order(b)), resting };
  }

  function reach(drawn) { // of our curves, where published ones go on; otherwise Plotly finds it
    const known = drawn.filter((trace) => !trace.theirs).flatMap((trace) => trace.x).filter((x) => x !== null);
    const last = known.reduce((a, b) => Math.max(a, b), 0), first = known.filter((x) => x > 0).reduce((a, b) => Math.min(a, b), last);
    if (!last || !drawn.some((trace) => trace.theirs)) return { last: Infinity };
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
    const axis = { gridcolor: ink("--paper-grid"), linecolor: ink("--paper-soft"), zerolinecolor: ink("--paper-grid"), automargin: true };
    const { last, range } = reach(drawn);
    const view = [at("environment").value, x, at("vertical").value, at("log").checked].join();
    return {
      showlegend: false, hovermode: "closest", uirevision: view, margin: { l: 48, r: 12, t: 28, b: 44 },
      paper_bgcolor: ink("--paper"), plot_bgcolor: ink("--paper"), font: { color: ink("--paper-ink"), size: 13 },
      xaxis: { ...axis, title: { text: data.axes[x] }, type: at("log").checked ? "log" : "linear", range },
      yaxis: { ...axis, title: { text: data.vertical[at("vertical").value] }, range: span(drawn, last) },
      hoverlabel: { align: "left" },
    };
  }

  function draw() {
    const env = Number(at("environment").value), x = at("horizontal").value, score = scoreOf(env);
    at("vertical").options[1].disabled = !score;
    if (!score) at("vertical").value = "return";
    const here = new Set(data.curves.filter((curve) => curve.env === env).map((curve) => curve.rule));
    const wanted = at("filter").value.trim().toLowerCase();
    rules.forEach(({ label }, i) => {
      label.hidden = !here.has(i) || !data.rules[i].name.toLowerCase().includes(wanted);
    });
    filterTables();
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
      drawn.some((trace) => trace.theirs) ? "Double-click to see published curves to their ends." : "",
      at("log").checked ? "A logarithmic axis has no point at 0." : "",
      at("centres").checked && [...seeds.values()].some(({ box }) => !box.checked) ? "Means and bands are of all seeds." : "",
    ].filter(Boolean).join(" ");
    const tools = ["select2d", "lasso2d", "autoScale2d"];
    Plotly.react(plot, drawn, layout(drawn, x), { responsive: true, displaylogo: false, modeBarButtonsToRemove: tools });
  }

  function filterTables() { // rows of rules and of seeds that are not chosen
    const off = new Set(data.rules.filter((_, i) => !rules[i].box.checked).map((rule) => rule.label));
    data.rules.forEach((rule, i) => { if (rules[i].box.checked) off.delete(rule.label); });
    const unseen = new Set([...seeds].filter(([, { box }]) => !box.checked).map(([seed]) => String(seed)));
    document.querySelectorAll("table.sortable").forEach((table) => {
      const heads = [...table.tHead.rows[0].cells].map((head) => head.textContent);
      const columns = (names) => heads.flatMap((head, i) => (names.includes(head) ? [i] : []));
      const named = columns(["rule", "label", "first", "second"]), numbered = columns(["seed"]);
      for (const row of table.tBodies[0].rows)
        row.hidden = named.some((i) => off.has(row.cells[i].textContent)) || numbered.some((i) => unseen.has(row.cells[i].textContent));
    });
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
  choose(at("vertical"), Object.entries(data.vertical));
  const rules = data.rules.map((rule) => toggle(at("rules"), rule.name, rule.colour, rule.dash, true));
  const seeds = new Map(data.seeds.map((seed) => [seed, toggle(at("seeds"), String(seed), null, null, true)]));
  const published = data.published.map((curve) => toggle(at("published"), curve.name, curve.colour, curve.dash, curve.shown));
  for (const id of ["environment", "horizontal", "vertical", "log", "runs", "centres", "band"])
    at(id).addEventListener("change", () => draw());
  at("filter").addEventListener("input", () => draw());
  const some = (toggles, on) => { // of those in sight
    toggles.filter(({ label }) => !label.hidden).forEach(({ box }) => { box.checked = on; });
    draw();
  };
  for (const [word, on] of [["all", true], ["none", false]]) {
    at(word).addEventListener("click", () => some(rules, on));
    at(word + "-seeds").addEventListener("click", () => some([...seeds.values()], on));
  }
  at("controls").addEventListener("submit", (event) => event.preventDefault());
  draw();
})();
