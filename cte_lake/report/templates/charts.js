(() => {
  const NS = "http://www.w3.org/2000/svg";
  const make = (name, attributes, parent) => {
    const node = document.createElementNS(NS, name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    if (parent) parent.append(node);
    return node;
  };
  const SHAPES = [
    (x, y, r) => `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0Z`,
    (x, y, r) => `M${x - r * .9} ${y - r * .9}h${r * 1.8}v${r * 1.8}h${-r * 1.8}Z`,
    (x, y, r) => `M${x} ${y - r * 1.2}L${x + r * 1.1} ${y + r * .8}H${x - r * 1.1}Z`,
    (x, y, r) => `M${x} ${y - r * 1.25}L${x + r * 1.1} ${y}L${x} ${y + r * 1.25}L${x - r * 1.1} ${y}Z`,
    (x, y, r) => `M${x} ${y + r * 1.2}L${x + r * 1.1} ${y - r * .8}H${x - r * 1.1}Z`,
  ];
  // Of ordered values those that are shown share the whole range: neighbours would look alike.
  const shade = (facet, index, on) => {
    if (!facet.ordered || !on[index]) return facet.colours[index];
    const place = on.slice(0, index).filter(Boolean).length, last = on.filter(Boolean).length - 1;
    return facet.colours[last ? Math.round(place * (facet.colours.length - 1) / last) : 0];
  };
  const look = (chart, values, on) => {
    const of = (role) => {
      const index = chart.facets.findIndex((facet) => facet.role === role);
      return index < 0 ? 0 : values[index];
    };
    const f = chart.facets.findIndex((one) => one.role === "colour");
    return { colour: f < 0 ? "" : shade(chart.facets[f], values[f], on[f]), shape: of("shape") % SHAPES.length, open: of("fill") === 1, size: 1 + .25 * Math.min(of("size"), 4) };
  };

  const coloured = (node, colour) => {
    node.classList.add("own");
    node.style.setProperty("--own", colour || "currentColor");
    return node;
  };

  const ticks = (low, high, count) => {
    const rough = (high - low) / count;
    const power = 10 ** Math.floor(Math.log10(rough));
    const steps = [.5, 1, 2, 5, 10].map((k) => k * power);
    const marks = (step) => {
      const found = [];
      for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) found.push(k * step);
      return [found, Math.max(0, -Math.floor(Math.log10(step) + 1e-9))];
    };
    const chosen = steps.findIndex((step) => step >= rough);
    const found = marks(steps[chosen]);
    // A single number on an axis says nothing of its scale.
    return found[0].length > 1 ? found : marks(steps[chosen - 1]);
  };
  const logTicks = (low, high) => {
    const found = [];
    for (let p = Math.floor(Math.log10(low)); p <= Math.log10(high); p++)
      for (const k of [1, 2, 5]) if (k * 10 ** p >= low && k * 10 ** p <= high) found.push(k * 10 ** p);
    return [found, 0];
  };

  class Chart {
    constructor(root) {
      this.root = root;
      this.spec = JSON.parse(root.querySelector("script").textContent);
      this.on = this.spec.facets.map((facet) => facet.on.slice());
      this.keys = [];
      this.controls();
      this.plot = document.createElement("div");
      this.plot.className = "plot";
      this.svg = make("svg", {
        class: "canvas", tabindex: "0", role: "application", "aria-roledescription": "chart",
        "aria-label": `${this.spec.title}. Arrow keys step through the points, Enter opens the pair's page.`,
      }, this.plot);
      this.tip = document.createElement("div");
      this.tip.className = "tip";
      this.tip.hidden = true;
      this.plot.append(this.tip);
      this.readout = document.createElement("output");
      root.append(this.plot, this.readout);
      this.svg.addEventListener("pointermove", (event) => this.hover(event));
      this.svg.addEventListener("pointerleave", () => this.choose(-1));
      this.svg.addEventListener("click", (event) => { this.hover(event); this.follow(); });
      this.svg.addEventListener("keydown", (event) => this.key(event));
      this.svg.addEventListener("blur", () => this.choose(-1));
      new ResizeObserver(() => this.draw()).observe(this.plot);
      this.draw();
    }

    controls() {
      this.spec.facets.forEach((facet, f) => {
        if (facet.values.length < 2) return;
        const group = document.createElement("fieldset");
        const legend = document.createElement("legend");
        legend.textContent = facet.title;
        group.append(legend);
        facet.values.forEach((value, v) => {
          const label = document.createElement("label");
          const box = document.createElement("input");
          box.type = "checkbox";
          box.checked = this.on[f][v];
          box.addEventListener("change", () => { this.on[f][v] = box.checked; this.draw(); });
          label.append(box);
          if (facet.role) {
            const values = this.spec.facets.map((_, k) => (k === f ? v : 0));
            const { shape, open, size } = look(this.spec, values, this.on);
            const key = make("svg", { class: "key", viewBox: "0 0 14 14", "aria-hidden": "true" }, label);
            const group = coloured(make("g", {}, key), "");
            make("path", { class: `mark${open ? " open" : ""}`, d: SHAPES[shape](7, 7, facet.role === "size" ? 3.4 * size : 5) }, group);
            if (facet.role === "colour") this.keys.push(() => coloured(group, shade(facet, v, this.on[f])));
          }
          label.append(value);
          group.append(label);
        });
        if (facet.values.length <= 9) {
          this.root.append(group);
          return;
        }
        const folded = document.createElement("details");
        const summary = document.createElement("summary");
        const count = () => {
          const on = facet.values.filter((_, v) => this.on[f][v]);
          summary.textContent = `${facet.title}: ${on.length && on.length < 5 ? on.join(", ") : `${on.length} of ${facet.values.length} shown`}`;
        };
        group.addEventListener("change", count);
        count();
        folded.append(summary, group);
        this.root.append(folded);
      });
    }

    shown(values) { return values.every((value, f) => value < 0 || this.on[f][value]); }

    draw() {
      const width = Math.max(280, this.plot.clientWidth || 700);
      const { spec, svg } = this;
      // Below the losses, where a model is: what is left when it is taken off.
      const lower = spec.points.some((point) => this.shown(point.f) && point.r !== undefined) ? 130 : 0;
      const height = Math.round(Math.min(460, Math.max(300, width * .55))) + lower;
      svg.replaceChildren();
      this.keys.forEach((colour) => colour());
      svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
      const points = spec.points.filter((point) => this.shown(point.f));
      const curves = (spec.curves || []).filter((curve) => this.shown(curve.f));
      this.points = points;
      this.near = -1;
      const plural = points.length === 1 ? "" : "s";
      this.readout.textContent = points.length ? `${points.length} point${plural} shown` : "nothing is selected";
      if (!points.length) return;
      const box = { left: 62, right: width - 10, top: 14, bottom: height - 46 - lower };
      const x = this.scale(points.map((p) => p.x), box.left, box.right, spec.x, width > 520 ? 8 : 4, []);
      const reach = points.flatMap((p) => [p.y - Math.min(p.e, 3 * spec.y.typical), p.y + Math.min(p.e, 3 * spec.y.typical)]);
      const across = points.map((p) => p.x);
      const [first, last] = [Math.min(...across), Math.max(...across)];
      for (const curve of curves) curve.x.forEach((value, k) => {
        if (value >= first && value <= last) reach.push(curve.y[k]);
      });
      const y = this.scale(reach, box.bottom, box.top, spec.y, 6, spec.y.include || []);
      this.axes(box, x, y, width, !lower);
      const clip = `${this.root.id}-inside`;
      const inner = make("clipPath", { id: clip }, svg);
      make("rect", { x: box.left, y: box.top, width: box.right - box.left, height: box.bottom - box.top }, inner);
      for (const curve of curves) {
        const steps = curve.x.map((value, k) => [x.at(value), y.at(curve.y[k])]);
        const inside = steps.filter(([px]) => px >= box.left - 1 && px <= box.right + 1);
        if (inside.length > 1) {
          const group = coloured(make("g", {}, svg), look(spec, curve.f.map((v) => Math.max(v, 0)), this.on).colour);
          make("path", { class: "curve", "clip-path": `url(#${clip})`, d: "M" + inside.map((s) => s.map((v) => v.toFixed(1)).join(" ")).join("L") }, group);
        }
      }
      this.marks = points.map((point) => this.mark(box, x, y, point, point.y, point.e, 4.4));
      this.left = lower ? this.residuals({ ...box, top: box.bottom + 26, bottom: height - 46 }, x, points, width) : [];
    }

    mark(box, x, y, point, value, error, radius) {
      const { colour, shape, open, size } = look(this.spec, point.f, this.on);
      const group = coloured(make("g", {}, this.svg), colour);
      const [px, py] = [x.at(point.x), y.at(value)];
      const [top, bottom] = [y.at(value + error), y.at(value - error)].map((v) => Math.min(box.bottom, Math.max(box.top, v)));
      make("line", { class: "bar", x1: px, x2: px, y1: top, y2: bottom }, group);
      const mark = make("path", { class: `mark${open ? " open" : ""}`, d: SHAPES[shape](px, py, radius * size) }, group);
      return { px, py, mark };
    }

    residuals(box, x, points, width) {
      const { spec } = this;
      const there = points.filter((point) => point.r !== undefined);
      const reach = there.flatMap((p) => [p.r - Math.min(p.e, 3 * spec.y.typical), p.r + Math.min(p.e, 3 * spec.y.typical)]);
      const y = this.scale(reach, box.bottom, box.top, { least: 1 }, 3, [0]);
      this.axes(box, x, y, width, true, spec.residual);
      // One a point, as the marks above, so that pointing at either names the pair.
      return points.map((point) => (point.r === undefined ? null : this.mark(box, x, y, point, point.r, point.e, 3.2)));
    }

    scale(values, from, to, axis, count, include) {
      let low = Math.min(...values, ...include), high = Math.max(...values, ...include);
      const log = axis.scale === "log";
      const via = log ? Math.log10 : (value) => value;
      let [a, b] = [via(low), via(high)];
      const least = axis.least || 1e-9;
      if (b - a < least) [a, b] = [(a + b - least) / 2, (a + b + least) / 2];
      [a, b] = [a - .05 * (b - a), b + .05 * (b - a)];
      const [marks, digits] = log ? logTicks(10 ** a, 10 ** b) : ticks(a, b, count);
      return { at: (value) => from + (via(value) - a) / (b - a) * (to - from), marks, digits };
    }

    axes(box, x, y, width, lowest, label) {
      const { spec, svg } = this;
      const text = (value, digits) => value.toFixed(digits).replace("-", "\u2212");
      let last = -1e9;
      for (const value of x.marks) {
        const px = x.at(value);
        make("line", { class: "gridline", x1: px, x2: px, y1: box.top, y2: box.bottom }, svg);
        if (!lowest || px - last < 38 || px > width - 18) continue;
        last = px;
        make("text", { class: "quiet", x: px, y: box.bottom + 18, "text-anchor": "middle" }, svg).textContent = text(value, x.digits);
      }
      for (const value of y.marks) {
        const py = y.at(value);
        make("line", { class: "gridline", x1: box.left, x2: box.right, y1: py, y2: py }, svg);
        make("text", { class: "quiet", x: box.left - 8, y: py + 4, "text-anchor": "end" }, svg).textContent = text(value, y.digits);
      }
      if (label || (spec.y.include || []).includes(0)) make("line", { class: "refline", x1: box.left, x2: box.right, y1: y.at(0), y2: y.at(0) }, svg);
      make("path", { class: "axisline", d: `M${box.left} ${box.top}V${box.bottom}H${box.right}` }, svg);
      if (lowest) make("text", { x: (box.left + box.right) / 2, y: box.bottom + 38, "text-anchor": "middle" }, svg).textContent = spec.x.label;
      // A label longer than its axis stands above it.
      if (label) {
        make("text", { class: "quiet", x: box.left, y: box.top - 8 }, svg).textContent = label;
        return;
      }
      const up = make("text", { transform: `translate(12 ${(box.top + box.bottom) / 2}) rotate(-90)`, "text-anchor": "middle" }, svg);
      up.textContent = spec.y.label;
    }

    hover(event) {
      if (!this.marks) return;
      const frame = this.svg.getBoundingClientRect();
      const zoom = this.svg.viewBox.baseVal.width / frame.width;
      const [px, py] = [(event.clientX - frame.left) * zoom, (event.clientY - frame.top) * zoom];
      let best = -1, distance = 26 ** 2;
      for (const marks of [this.marks, this.left]) marks.forEach((mark, k) => {
        const d = mark ? (mark.px - px) ** 2 + (mark.py - py) ** 2 : Infinity;
        if (d <= distance) [best, distance] = [k, d];
      });
      this.choose(best);
    }

    choose(index) {
      if (this.near >= 0 && this.marks[this.near]) this.marks[this.near].mark.classList.remove("near");
      this.near = index;
      this.tip.hidden = index < 0;
      this.svg.style.cursor = index >= 0 && this.points[index].link ? "pointer" : "default";
      if (index < 0) return;
      const { px, py, mark } = this.marks[index];
      mark.classList.add("near");
      const text = this.points[index].text;
      this.tip.textContent = text;
      this.readout.textContent = text;
      const zoom = this.svg.getBoundingClientRect().width / this.svg.viewBox.baseVal.width;
      const left = px * zoom < this.plot.clientWidth / 2;
      this.tip.style.left = left ? `${px * zoom + 12}px` : "auto";
      this.tip.style.right = left ? "auto" : `${this.plot.clientWidth - px * zoom + 12}px`;
      this.tip.style.top = `${Math.max(0, py * zoom - 16)}px`;
    }

    follow() {
      if (this.near >= 0 && this.points[this.near].link) window.location.href = this.points[this.near].link;
    }

    key(event) {
      if (!this.points || !this.points.length) return;
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (step) this.choose((this.near + step + this.points.length) % this.points.length);
      else if (event.key === "Home") this.choose(0);
      else if (event.key === "End") this.choose(this.points.length - 1);
      else if (event.key === "Escape") this.choose(-1);
      else if (event.key === "Enter") this.follow();
      else return;
      event.preventDefault();
    }
  }

  document.querySelectorAll(".chart").forEach((root) => new Chart(root));
})();
