"use strict";
// What a patient answered, as the file that 'osteoplan prefer' reads (JSON, which is YAML too).
// state: {kind, by, date, language, case, weighed: [{id, worst, best, points}], most, sets: [{shown, best, worst}],
// before, after, choice, questions, own_words}; what is left open stays out.
function answersOf(state) {
  const answers = {kind: state.kind, by: state.by || "patient", date: state.date, language: state.language};
  if (state.case) answers.case = state.case;
  const about = new Set(), sure = {};
  if (state.kind === "swing") {
    answers.points = {};
    for (const one of state.weighed) {
      const points = one.id === state.most ? 100 : one.points;
      if (points !== null) { answers.points[one.id] = points; about.add(one.id); }
    }
  }
  if (state.kind === "best_worst") {
    answers.sets = state.sets.filter(set => set.best && set.worst);
    for (const set of answers.sets) for (const id of set.shown) about.add(id);
  }
  const ranges = state.weighed.filter(one => about.has(one.id));
  if (ranges.length) answers.ranges = Object.fromEntries(ranges.map(one => [one.id, {worst: one.worst, best: one.best}]));
  for (const when of ["before", "after"]) if (Object.keys(state[when]).length) sure[when] = state[when];
  if (Object.keys(sure).length) answers.sure = sure;
  if (state.choice) answers.choice = state.choice;
  if (state.questions.length) answers.questions = state.questions;
  if (state.own_words) answers.own_words = state.own_words;
  return answers;
}
// What is still missing: "" or the name of a sentence.
function missing(state) {
  if (!state.kind) return "how";
  if (state.kind === "swing" && !state.most) return "most";
  if (state.kind === "best_worst") {
    const half = state.sets.some(set => !set.best !== !set.worst || (set.best && set.best === set.worst));
    if (half || !state.sets.some(set => set.best)) return "set";
  }
  return "";
}
function begin() {
  const form = document.getElementById("answers"), told = document.getElementById("told");
  const picked = name => (document.querySelector(`input[name="${name}"]:checked`) || {value: ""}).value;
  const weighed = [...form.querySelectorAll(".weighed")], sets = [...form.querySelectorAll(".set-of")];
  const asks = form.querySelectorAll('input[name="kind"]').length > 0;
  function kinds() {
    for (const part of form.querySelectorAll("[data-kind]")) part.classList.toggle("screen-off", part.dataset.kind !== picked("kind"));
  }
  function show(field) {
    const range = field.querySelector("input[type=range]"), output = field.querySelector("output");
    const most = picked("most") === field.dataset.id, set = most || !range.classList.contains("unset");
    if (most) range.value = 100;
    range.disabled = most;
    output.textContent = set ? output.dataset.points.replace("{value}", most ? 100 : range.value) : output.dataset.unset;
    range.setAttribute("aria-valuetext", output.textContent);
    field.querySelector(".clear").hidden = most || !set;
  }
  for (const field of weighed) {
    const range = field.querySelector("input[type=range]");
    // a tap on the place where the hidden thumb rests changes no value: it counts all the same
    for (const event of ["input", "pointerdown", "keydown"]) range.addEventListener(event, happened => {
      if (happened.type === "keydown" && happened.key === "Tab") return;
      range.classList.remove("unset");
      show(field);
    });
    field.querySelector(".clear").addEventListener("click", () => { range.value = 0; range.classList.add("unset"); show(field); });
    field.querySelector('input[name="most"]').addEventListener("change", () => weighed.forEach(one => {
      const other = one.querySelector("input[type=range]");
      if (other.disabled && one !== field) { other.value = 0; other.classList.add("unset"); }
      show(one);
    }));
  }
  function sure(when) {
    const found = {};
    for (const box of document.querySelectorAll(`input[name^="${when}-"]:checked`)) found[box.name.slice(when.length + 1)] = box.value === "yes";
    return found;
  }
  function state() {
    const now = new Date(), two = n => String(n).padStart(2, "0");
    return {
      kind: asks ? picked("kind") : "you_decide", by: picked("by"), language: form.dataset.language, case: form.dataset.case,
      date: `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`, most: picked("most"),
      weighed: weighed.map(field => {
        const range = field.querySelector("input[type=range]");
        return {id: field.dataset.id, worst: Number(field.dataset.worst), best: Number(field.dataset.best),
          points: range.classList.contains("unset") ? null : Number(range.value)};
      }),
      sets: sets.map((set, n) => ({shown: set.dataset.shown.split(" "), best: picked(`best-${n}`), worst: picked(`worst-${n}`)})),
      own_words: form.elements.own_words.value.trim(),
      before: sure("before"), after: sure("after"), choice: picked("choice"),
      questions: form.elements.questions.value.split("\n").map(line => line.trim()).filter(Boolean)
    };
  }
  form.addEventListener("change", kinds);
  form.addEventListener("submit", event => event.preventDefault());
  document.getElementById("save").addEventListener("click", () => {
    const said = state(), open = missing(said), name = `answers-${form.dataset.case}.yaml`;
    if (open) { told.textContent = told.dataset.not.replace("{what}", told.dataset[open]); return; }
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify(answersOf(said), null, 2) + "\n"], {type: "application/yaml"}));
    link.download = name;
    link.click();
    told.textContent = told.dataset.saved.replace("{file}", name);
  });
  kinds();
}
if (typeof document !== "undefined") begin();
