"use strict";
// at: LPS mm of a picture's corner, then the step of one picture unit right and down.
function place(at, x, y) { return [0, 1, 2].map(n => at[n] + x * at[3 + n] + y * at[6 + n]); }
// rows: inverse of the CT's affine.
function voxel(rows, mm) { return rows.map(r => Math.round(r[0] * mm[0] + r[1] * mm[1] + r[2] * mm[2] + r[3])); }
function onPicture(at, mm) {
  const u = at.slice(3, 6), v = at.slice(6), off = mm.map((x, n) => x - at[n]);
  const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
  const x = dot(off, u) / dot(u, u), y = dot(off, v) / dot(v, v);
  const beside = off.map((d, n) => d - x * u[n] - y * v[n]);
  return {x, y, away: Math.sqrt(dot(beside, beside))};
}
function text(mm) { return mm.map(x => (Math.round(x * 10) / 10 + 0).toFixed(1)).join(","); }
function begin() {
  const grid = JSON.parse(document.getElementById("grid").textContent), SVG = "http://www.w3.org/2000/svg";
  const pictures = [...document.querySelectorAll("svg[data-at], svg.stack")], by = id => document.getElementById(id);
  const shown = svg => svg.matches(".stack") ? svg.slices[svg.now] : svg;
  const at = svg => shown(svg).dataset.at.split(" ").map(Number);
  let point = null;
  function mark() {
    document.querySelectorAll(".here").forEach(old => old.remove());
    for (const svg of pictures) {
      const p = point && onPicture(at(svg), point);
      if (!p || p.away > 1.5) continue;
      const cross = document.createElementNS(SVG, "path");
      cross.setAttribute("class", "here");
      cross.setAttribute("d", `M${p.x - 9} ${p.y}h6m6 0h6M${p.x} ${p.y - 9}v6m0 6v6`);
      svg.append(cross);
    }
  }
  function tell(mm) {
    point = mm;
    const ijk = voxel(grid.inverse, mm), inside = ijk.every((n, axis) => n >= 0 && n < grid.shape[axis]);
    by("where").textContent = `LPS ${text(mm)} mm · RAS ${text([-mm[0], -mm[1], mm[2]])} mm · ` +
      (inside ? `voxel i,j,k ${ijk.join(",")}` : "outside the scan");
    by("seed").value = `--seed=${text(mm)}`;
    by("ellipsoid").value = `--ellipsoid=${text(mm)},20,20,20`;
    for (const row of document.querySelectorAll(".paste")) row.hidden = !inside;
    mark();
  }
  function leaf(svg, to) {
    svg.slices[svg.now].style.display = "none";
    svg.now = Math.min(Math.max(to, 0), svg.slices.length - 1);
    svg.slices[svg.now].style.display = "";
    svg.slider.value = svg.now;
    svg.slider.setAttribute("aria-valuetext", shown(svg).dataset.title);
    svg.setAttribute("aria-label", shown(svg).dataset.title);
    mark();
  }
  for (const svg of pictures) {
    if (svg.matches(".stack")) {
      svg.slices = [...svg.querySelectorAll(".slice")];
      svg.slider = svg.parentNode.querySelector("input");
      svg.now = Number(svg.slider.value);
      svg.slider.addEventListener("input", () => leaf(svg, Number(svg.slider.value)));
    }
    svg.tabIndex = 0;
    svg.addEventListener("click", event => {
      const p = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
      tell(place(at(svg), p.x, p.y));
    });
    svg.addEventListener("keydown", event => {
      const move = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]}[event.key];
      const page = {PageUp: 1, PageDown: -1}[event.key];
      if (page && svg.slices) leaf(svg, svg.now + page);
      else if (move || event.key === "Enter") {
        const here = at(svg), box = svg.viewBox.baseVal, mm = Math.hypot(here[3], here[4], here[5]);
        let p = point && onPicture(here, point);
        if (!p) p = {x: box.width / 2, y: (box.height + box.y) / 2};
        else if (move) p = {x: p.x + move[0] * (event.shiftKey ? 10 : 1) / mm, y: p.y + move[1] * (event.shiftKey ? 10 : 1) / mm};
        tell(place(here, p.x, p.y));
      } else return;
      event.preventDefault();
    });
  }
  for (const button of document.querySelectorAll(".paste button"))
    button.addEventListener("click", () => {
      const field = button.parentNode.querySelector("input");
      field.select();
      const done = () => { button.textContent = "copied"; setTimeout(() => { button.textContent = "copy"; }, 1500); };
      if (navigator.clipboard) navigator.clipboard.writeText(field.value).then(done, () => document.execCommand("copy") && done());
      else if (document.execCommand("copy")) done();
    });
  document.querySelector(".point").hidden = false;
}
if (typeof document !== "undefined") begin();
