// Curves of a run that grow while it moves: small multiples with one cursor, read a few new rows at a time.
//
// <section data-curves data-url="…/metrics/" data-plan="id of a JSON script" data-live="true">
//   [data-charts]      where planned charts go        [data-more-charts]  where the other metrics' charts go
//   [data-numbers]     a <details> with a <table>     [data-waiting]      shown until the first row
//   template[data-figure]  one chart's markup
//
// Colours come from CSS (.series-1 …) so that light, dark and high contrast are decided in one place.

const POLL_MILLISECONDS = 2000;
const SERIES_COLOURS = 6;
const ROWS_IN_TABLE = 200;
const number = new Intl.NumberFormat(document.documentElement.lang || "en", { maximumSignificantDigits: 4 });

const shown = (value) => (value === null || value === undefined ? "–" : number.format(value));
const readable = (name) => name.replaceAll("_", " ");
const colourOf = (element, property = "color") => getComputedStyle(element).getPropertyValue(property);

/** The rows of one run, merged by step: a step that is done again after a crash replaces what it said before. */
class Rows {
  constructor() {
    this.clear();
  }

  clear() {
    this.byStep = new Map();
    this.names = new Set();
    this.steps = [];
  }

  take(rows) {
    for (const { step, values } of rows) {
      this.byStep.set(step, { ...this.byStep.get(step), ...values });
      for (const [name, value] of Object.entries(values)) {
        if (value === null || typeof value === "number") this.names.add(name);
      }
    }
    this.steps = [...this.byStep.keys()].sort((a, b) => a - b);
  }

  column(name) {
    return this.steps.map((step) => this.byStep.get(step)[name] ?? null);
  }
}

/** One small chart: its figure, its legend with the values under the cursor, its uPlot. */
class Chart {
  constructor(template, place, { title, hint, series }) {
    this.series = series;
    this.figure = template.content.firstElementChild.cloneNode(true);
    this.figure.querySelector("[data-title]").textContent = title;
    if (hint) this.figure.querySelector("[data-hint]").textContent = hint;
    this.box = this.figure.querySelector(".plot");
    this.box.setAttribute("aria-label", title);
    this.legend = this.figure.querySelector(".legend");
    this.values = series.map(({ label }, index) => this.legendItem(label, index));
    place.append(this.figure);
    this.title = title;
    new ResizeObserver(() => this.fit()).observe(this.box);
  }

  legendItem(label, index) {
    const item = document.createElement("li");
    item.className = `series-${(index % SERIES_COLOURS) + 1}`;
    const text = document.createElement("span");
    text.className = "series-name";
    text.textContent = this.series.length > 1 ? label : "";
    const value = document.createElement("b");
    item.append(text, value);
    this.legend.append(item);
    return value;
  }

  fit() {
    const width = Math.floor(this.box.clientWidth);
    if (this.plot && width > 0 && width !== this.plot.width) this.plot.setSize({ width, height: this.plot.height });
  }

  update(rows) {
    this.data = [rows.steps, ...this.series.map(({ name }) => rows.column(name))];
    if (this.plot) this.plot.setData(this.data);
    else this.plot = new uPlot(this.options(), this.data, this.box);
    this.tell();
    const last = this.series.map(({ label }, index) => `${label} ${shown(this.latest(index))}`).join(", ");
    this.box.setAttribute("aria-label", `${this.title}: ${last}`);
  }

  latest(index) {
    return this.data[index + 1].findLast((value) => value !== null);
  }

  tell(position = null) {
    this.values.forEach((value, index) => {
      const found = position === null ? this.latest(index) : this.data[index + 1][position];
      value.textContent = shown(found);
    });
  }

  options() {
    const axis = {
      stroke: () => colourOf(this.box),
      grid: { stroke: () => colourOf(this.box, "border-top-color"), width: 1 },
      ticks: { stroke: () => colourOf(this.box, "border-top-color"), width: 1, size: 4 },
      font: "12px system-ui, sans-serif",
    };
    const style = (index) => ({
      stroke: () => colourOf(this.legend.children[index]),
      width: 1.75,
      spanGaps: true,
      points: { show: (plot, at) => plot.data[at].reduce((n, value) => n + (value !== null), 0) <= 40, size: 5 },
    });
    return {
      width: Math.max(this.box.clientWidth, 200),
      height: 170,
      legend: { show: false },
      scales: { x: { time: false } },
      cursor: { sync: { key: "run", setSeries: false }, y: false, drag: { x: true, y: false } },
      series: [{}, ...this.series.map((_, index) => style(index))],
      axes: [
        { ...axis, size: 28, space: 60, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 1e5, 1e6] },
        { ...axis, size: 52, space: 32, values: (_, ticks) => ticks.map((tick) => number.format(tick)) },
      ],
      hooks: { setCursor: [(plot) => this.tell(plot.cursor.idx ?? null)] },
    };
  }

  redraw() {
    this.plot?.redraw(false);
  }
}

/** The section as a whole: polls while the run moves, hands rows to charts and to the table. */
class Curves {
  constructor(section) {
    this.section = section;
    this.plan = JSON.parse(document.getElementById(section.dataset.plan).textContent);
    this.template = section.querySelector("template[data-figure]");
    this.numbers = section.querySelector("[data-numbers]");
    this.rows = new Rows();
    this.charts = new Map();
    this.after = 0;
    this.attempt = null;
    this.numbers.addEventListener("toggle", () => this.tabulate());
    this.followTheme();
  }

  followTheme() {
    const redraw = () => this.charts.forEach((chart) => chart.redraw());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
    new MutationObserver(redraw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  }

  async poll() {
    let wait = POLL_MILLISECONDS;
    try {
      const response = await fetch(`${this.section.dataset.url}?after=${this.after}`, {
        headers: { Accept: "application/json" },
      });
      if (response.ok) {
        const answer = await response.json();
        if (this.take(answer) === "ended") return;
        if (answer.more) wait = 0;
      } else if (response.status < 500) return; // signed out or gone: the rest of the page says so
    } catch {
      wait = 3 * POLL_MILLISECONDS; // offline, or the server restarts: the curves go on afterwards
    }
    setTimeout(() => this.pollWhenSeen(), wait);
  }

  pollWhenSeen() {
    if (!document.hidden) return this.poll();
    document.addEventListener("visibilitychange", () => this.poll(), { once: true });
  }

  take({ rows, attempt, live, after, more }) {
    if (this.attempt !== null && attempt !== this.attempt) {
      this.rows.clear(); // started again: what it had said after its last checkpoint no longer counts
      this.after = 0;
      this.attempt = attempt;
      return "again";
    }
    this.attempt = attempt;
    this.after = after;
    if (rows.length) {
      this.rows.take(rows);
      this.draw();
    }
    this.section.dataset.rows = this.rows.steps.length;
    return live || more ? "live" : "ended";
  }

  draw() {
    this.section.querySelector("[data-waiting]")?.remove();
    this.section.querySelector("[data-with-rows]").hidden = false;
    if (this.rows.steps.length > 1) {
      this.drawPlanned();
      this.drawOthers();
    }
    this.charts.forEach((chart) => chart.update(this.rows));
    this.tabulate();
  }

  drawPlanned() {
    const place = this.section.querySelector("[data-charts]");
    for (const planned of this.plan) {
      const series = planned.series.filter(({ name }) => this.rows.names.has(name));
      const known = this.charts.get(planned.title);
      if (!series.length || known?.series.length === series.length) continue;
      const chart = new Chart(this.template, place, { ...planned, series });
      if (known) known.figure.replaceWith(chart.figure); // a series that begins late, such as the held-out loss
      this.charts.set(planned.title, chart);
    }
  }

  drawOthers() {
    const details = this.section.querySelector("[data-more]");
    const planned = new Set(this.plan.flatMap(({ series }) => series.map(({ name }) => name)));
    for (const name of this.rows.names) {
      if (planned.has(name) || this.charts.has(name)) continue;
      details.hidden = false;
      const title = readable(name);
      const place = details.querySelector("[data-more-charts]");
      this.charts.set(name, new Chart(this.template, place, { title, series: [{ name, label: title }] }));
    }
  }

  tabulate() {
    if (!this.numbers.open) return;
    const names = [...this.rows.names];
    const cell = (tag, text, scope) => {
      const made = document.createElement(tag);
      made.textContent = text;
      made.className = "number";
      if (scope) made.scope = scope;
      return made;
    };
    const head = this.numbers.querySelector("thead tr");
    head.replaceChildren(
      cell("th", this.numbers.dataset.step, "col"),
      ...names.map((name) => cell("th", readable(name), "col")),
    );
    const newest = this.rows.steps.slice(-ROWS_IN_TABLE).reverse();
    this.numbers.querySelector("tbody").replaceChildren(
      ...newest.map((step) => {
        const row = document.createElement("tr");
        const values = this.rows.byStep.get(step);
        row.append(cell("th", step, "row"), ...names.map((name) => cell("td", shown(values[name]))));
        return row;
      }),
    );
  }
}

for (const section of document.querySelectorAll("[data-curves]")) new Curves(section).poll();
