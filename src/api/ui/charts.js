// Two small charts over the last minutes, drawn as SVG from what the page has seen itself.

import { setAttribute, setText, svg } from "./dom.js";
import { compact } from "./format.js";

const LONG = 15;
const SHORT = 6; // while the page has not seen more

// Minutes that the charts show.
export function span() {
  return performance.now() > SHORT * 60000 ? LONG : SHORT;
}

const MARGIN = { top: 8, right: 8, bottom: 20, left: 44 };
const HEIGHT = 168;

// The last `size` samples; older ones make room.
export class Ring {
  constructor(size) {
    this.size = size;
    this.items = [];
  }

  push(item) {
    this.items.push(item);
    if (this.items.length > this.size) {
      this.items.shift();
    }
  }

  since(time) {
    return this.items.filter((item) => item.at >= time);
  }

  clear() {
    this.items = [];
  }
}

// The next of 1, 2, 5 × 10ⁿ: a scale that does not jump with every sample.
function niceTop(value) {
  if (value <= 4) {
    return 4;
  }
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value);
}

class Frame {
  constructor(figure) {
    this.figure = figure;
    this.node = svg("svg", { class: "chart", role: "img", height: HEIGHT, focusable: "false" });
    this.grid = svg("g", { class: "grid", "aria-hidden": "true" });
    this.plot = svg("g", { "aria-hidden": "true" });
    this.node.append(this.grid, this.plot);
    this.lines = [0, 0.5, 1].map((part) => {
      const line = svg("line", {});
      const text = svg("text", { "text-anchor": "end", "dominant-baseline": "middle" });
      this.grid.append(line, text);
      return { part, line, text };
    });
    this.times = [3, 2, 1, 0].map((third) => {
      const text = svg("text", { "text-anchor": third === 0 ? "end" : third === 3 ? "start" : "middle" });
      this.grid.append(text);
      return { third, text };
    });
    figure.append(this.node);
    this.width = 0;
    new ResizeObserver(() => this.redraw?.()).observe(figure);
  }

  // Sets scales; false: there is no room to draw in.
  begin(top) {
    this.width = this.figure.clientWidth;
    if (this.width < 120) {
      return false;
    }
    this.top = top;
    this.now = Date.now();
    setAttribute(this.node, "viewBox", `0 0 ${this.width} ${HEIGHT}`);
    setAttribute(this.node, "width", this.width);
    for (const { part, line, text } of this.lines) {
      const y = this.y(top * part);
      setAttribute(line, "x1", MARGIN.left);
      setAttribute(line, "x2", this.width - MARGIN.right);
      setAttribute(line, "y1", y);
      setAttribute(line, "y2", y);
      setAttribute(text, "x", MARGIN.left - 8);
      setAttribute(text, "y", y);
      setText(text, compact(top * part));
    }
    this.span = span() * 60000;
    for (const { third, text } of this.times) {
      const minutes = (span() / 3) * third;
      setText(text, minutes === 0 ? "now" : `−${minutes} min`);
      setAttribute(text, "x", this.x(this.now - minutes * 60000));
      setAttribute(text, "y", HEIGHT - 4);
    }
    return true;
  }

  x(time) {
    const width = this.width - MARGIN.left - MARGIN.right;
    return Math.round((MARGIN.left + width * (1 - (this.now - time) / this.span)) * 10) / 10;
  }

  y(value) {
    const height = HEIGHT - MARGIN.top - MARGIN.bottom;
    return Math.round((MARGIN.top + height * (1 - value / this.top)) * 10) / 10;
  }
}

// Samples {at, value}; a gap of more than `gapMs` is left open.
export class LineChart extends Frame {
  constructor(figure, gapMs) {
    super(figure);
    this.gapMs = gapMs;
    this.area = svg("path", { class: "area" });
    this.line = svg("path", { class: "line" });
    this.plot.append(this.area, this.line);
    this.redraw = () => this.draw(this.samples ?? [], this.label ?? "");
  }

  draw(samples, label) {
    this.samples = samples;
    this.label = label;
    setAttribute(this.node, "aria-label", label);
    if (!this.begin(niceTop(Math.max(0, ...samples.map((sample) => sample.value))))) {
      return;
    }
    let line = "";
    let area = "";
    let run = [];
    const flush = () => {
      if (run.length > 0) {
        const points = run.map((sample) => `${this.x(sample.at)} ${this.y(sample.value)}`).join("L");
        line += `M${points}`;
        area += `M${this.x(run[0].at)} ${this.y(0)}L${points}L${this.x(run.at(-1).at)} ${this.y(0)}Z`;
      }
      run = [];
    };
    for (const sample of samples) {
      if (run.length > 0 && sample.at - run.at(-1).at > this.gapMs) {
        flush();
      }
      run.push(sample);
    }
    flush();
    setAttribute(this.line, "d", line);
    setAttribute(this.area, "d", area);
  }
}

// Bars of a minute each, with stacked parts: {at (the minute's beginning), completed, blocked, failed}.
export class BarChart extends Frame {
  constructor(figure, parts) {
    super(figure);
    this.paths = parts.map((part) => {
      const path = svg("path", { class: `bar ${part}` });
      this.plot.append(path);
      return { part, path };
    });
    this.redraw = () => this.draw(this.bars ?? [], this.label ?? "");
  }

  draw(bars, label) {
    this.bars = bars;
    this.label = label;
    setAttribute(this.node, "aria-label", label);
    const total = (bar) => this.paths.reduce((sum, { part }) => sum + bar[part], 0);
    if (!this.begin(niceTop(Math.max(0, ...bars.map(total))))) {
      return;
    }
    const shapes = this.paths.map(() => "");
    for (const bar of bars) {
      const left = Math.max(this.x(bar.at) + 1, MARGIN.left);
      const right = Math.min(this.x(bar.at + 60000) - 1, this.width - MARGIN.right);
      let below = 0;
      this.paths.forEach(({ part }, index) => {
        if (bar[part] > 0 && right > left) {
          shapes[index] += `M${left} ${this.y(below)}V${this.y(below + bar[part])}H${right}V${this.y(below)}Z`;
        }
        below += bar[part];
      });
    }
    this.paths.forEach(({ path }, index) => setAttribute(path, "d", shapes[index]));
  }
}
