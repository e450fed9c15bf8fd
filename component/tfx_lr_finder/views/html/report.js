// Draws the charts of the report with Observable Plot, and redraws them when their width changes.
(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("data").textContent);
  const dashes = ["", "7 3", "2 3", "9 3 2 3", "12 4", "4 2"];
  const color = (sweep) => `var(--c${sweep % 6})`;
  const text = (value) => (value === null || value === undefined ? "not finite" : String(Number(value.toPrecision(4))));
  const clamp = (value, [low, high]) => (value === null ? high : Math.min(high, Math.max(low, value)));

  const decade = (value) => {
    const power = Math.round(Math.log10(value));
    return power >= -2 && power <= 3 ? String(Number(value.toPrecision(3))) : `1e${power}`;
  };
  const rateAxis = (rates, width) => {
    const [low, high] = rates;
    const first = Math.ceil(Math.log10(low) - 1e-9);
    const last = Math.floor(Math.log10(high) + 1e-9);
    const step = Math.max(1, Math.ceil((last - first + 1) / Math.max(2, Math.floor(width / 70))));
    const powers = [];
    for (let power = first; power <= last; power += step) powers.push(10 ** power);
    return { type: "log", domain: [low, high], label: "learning rate (log scale)", labelAnchor: "center", ticks: powers, tickFormat: decade };
  };
  const frame = (width, x, y, marks) =>
    Plot.plot({ width, height: width < 520 ? 300 : 380, marginLeft: 56, marginTop: 28, marginBottom: 42, style: { fontSize: "12px" }, x, y, marks });
  const tip = (points, y) =>
    Plot.tip(points, Plot.pointer({ x: "rate", y, title: "title", maxRadius: 200, fontSize: 12, lineHeight: 1.3 }));
  const suggestion = () => {
    const marks = [];
    if (data.range && data.range[0] < data.range[1])
      marks.push(Plot.rect([data.range], { x1: (d) => d[0], x2: (d) => d[1], fill: "var(--range)", fillOpacity: 0.18, clip: true }));
    if (data.rate !== null) {
      marks.push(Plot.ruleX([data.rate], { stroke: "var(--suggestion)", strokeWidth: 2.5 }));
      marks.push(Plot.text([data.rate], { x: (d) => d, text: (d) => text(d), frameAnchor: "top", dy: -16, fill: "var(--suggestion)", fontWeight: 600 }));
    }
    return marks;
  };
  const within = (rates) => [Math.min(data.rates[0], ...rates), Math.max(data.rates[1], ...rates)];
  const suggested = data.rate === null ? [] : [data.rate];

  const sweeps = (width) => {
    const limits = data.sweepLimits;
    if (!limits) return null;
    const points = data.sweeps.flatMap((sweep, index) =>
      sweep.rates.map((rate, place) => {
        const loss = sweep.losses[place];
        const smoothed = place < sweep.smoothed.length ? sweep.smoothed[place] : null;
        const last = place === sweep.rates.length - 1 && !sweep.completed;
        const title = `sweep ${index + 1}, point ${sweep.points[place]}\nlearning rate ${text(rate)}\nloss ${text(loss)}` +
          (smoothed === null ? "" : `\nsmoothed ${text(smoothed)}`) + (last ? `\nended here: ${sweep.stop}` : "");
        return { rate, loss, smoothed, index, last, title, shown: clamp(loss, limits) };
      }));
    const lines = data.sweeps.map((sweep, index) =>
      Plot.line(points.filter((d) => d.index === index && d.smoothed !== null),
        { x: "rate", y: "smoothed", stroke: color(index), strokeWidth: 2, strokeDasharray: dashes[index % 6], clip: true }));
    return frame(width, rateAxis(within(suggested), width), { domain: limits, label: "training loss", grid: true }, [
      ...suggestion(),
      Plot.dot(points.filter((d) => d.loss !== null), { x: "rate", y: "loss", r: 2, fill: (d) => color(d.index), fillOpacity: 0.5, clip: true }),
      ...lines,
      Plot.dot(points.filter((d) => d.last), { x: "rate", y: "shown", symbol: "times", r: 6, stroke: (d) => color(d.index), strokeWidth: 2 }),
      tip(points, "shown"),
    ]);
  };

  const trainings = (width) => {
    const limits = data.heldOutLimits;
    if (!limits || !data.trainings.length) return null;
    const points = data.trainings.map((item) => ({
      ...item,
      outside: item.loss === null || item.loss > limits[1],
      shown: clamp(item.loss, limits),
      title: `${item.kind} of ${item.steps} steps\nlearning rate ${text(item.rate)}\nheld-out loss ${text(item.loss)}\ntraining loss ${text(item.trainLoss)}`,
    }));
    const inside = (kind) => points.filter((d) => d.kind === kind && !d.outside);
    const at = { x: "rate", y: "shown" };
    const untrained = data.untrained === null ? [] : [data.untrained];
    return frame(width, rateAxis(within([...suggested, ...points.map((d) => d.rate)]), width), { domain: limits, label: "held-out loss", grid: true }, [
      ...suggestion(),
      Plot.ruleY(untrained, { stroke: "var(--c3)", strokeWidth: 1.5, strokeDasharray: "6 4" }),
      Plot.dot(inside("probe"), { ...at, r: 4, fill: "var(--soft)", fillOpacity: 0.7 }),
      Plot.dot(inside("candidate"), { ...at, r: 5.5, symbol: "diamond", fill: "var(--ink)" }),
      Plot.dot(inside("final check"), { ...at, r: 7, symbol: "star", fill: "var(--suggestion)" }),
      Plot.dot(points.filter((d) => d.outside), { ...at, r: 5, symbol: "triangle", stroke: "var(--soft)", strokeWidth: 1.5 }),
      tip(points, "shown"),
    ]);
  };

  const runs = (width) => {
    const points = data.runs.map((item, index) => ({ ...item, run: index + 1, title: `${item.when || "unknown time"}\nlearning rate ${text(item.rate)}\n${item.verdict}` }))
      .filter((d) => d.rate !== null);
    if (!points.length) return null;
    const rates = points.map((d) => d.rate);
    const domain = [10 ** (Math.floor(Math.log10(Math.min(...rates)) * 2 - 0.5) / 2), 10 ** (Math.ceil(Math.log10(Math.max(...rates)) * 2 + 0.5) / 2)];
    const mine = (d) => d.run === data.runs.length;
    const fill = (d) => (mine(d) ? "var(--suggestion)" : d.verdict === "OK" ? "var(--c0)" : "var(--page)");
    const x = { domain: [0.5, data.runs.length + 0.5], label: "run", labelAnchor: "center", ticks: points.map((d) => d.run).filter((run, index, all) => index % Math.ceil(all.length / Math.max(2, width / 40)) === 0), tickFormat: String };
    return frame(width, x, { type: "log", domain, label: "learning rate (log scale)", grid: true, ticks: 5, tickFormat: "~g" }, [
      Plot.line(points, { x: "run", y: "rate", stroke: "var(--c0)", strokeWidth: 1.5 }),
      Plot.dot(points, { x: "run", y: "rate", r: 5, fill, stroke: (d) => (mine(d) ? "var(--suggestion)" : "var(--c0)"), strokeWidth: 1.5, symbol: (d) => (d.verdict === "OK" ? "circle" : "square") }),
      Plot.tip(points, Plot.pointer({ x: "run", y: "rate", title: "title", maxRadius: 200, fontSize: 12, lineHeight: 1.3 })),
    ]);
  };

  const draw = (id, make) => {
    const place = document.getElementById(id);
    if (!place) return;
    let drawn = 0;
    const again = () => {
      const width = Math.floor(place.clientWidth);
      if (!width || width === drawn) return;
      const chart = make(width);
      if (!chart) return;
      drawn = width;
      // A screen reader reads one picture with one name, not the names that Plot gives its layers.
      chart.setAttribute("role", "img");
      chart.setAttribute("aria-label", place.dataset.label);
      const unname = () => {
        for (const node of chart.querySelectorAll("[aria-label], [aria-description]")) {
          node.removeAttribute("aria-label");
          node.removeAttribute("aria-description");
        }
      };
      unname();
      new MutationObserver(unname).observe(chart, { childList: true, subtree: true });
      place.replaceChildren(chart);
    };
    again();
    new ResizeObserver(again).observe(place);
  };
  draw("sweeps", sweeps);
  draw("trainings", trainings);
  draw("runs", runs);
  window.addEventListener("beforeprint", () => {
    for (const closed of document.querySelectorAll("details")) closed.open = true;
  });
})();
