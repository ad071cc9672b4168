/**
 * Search below the list of time zones: by city, IANA name and country, in the language of the page and in English. While
 * somebody searches, the list is open and shows what matches, and the zone that is chosen. Without this script the list
 * is complete and grouped by region.
 */
import { find } from "../lib/dom.js";

const MAX_ROWS = 7; // of the open list

const part = find(document, "[data-part=time-zone]");
const select = /** @type {HTMLSelectElement | null} */ (find(part, "select"));
const field = /** @type {HTMLInputElement | null} */ (find(part, "input[type=search]"));
const noResult = find(part, "[data-part=none]");

/** Returns a text for searching: lower case, without accents. @param {string} text */
const simplify = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").replaceAll("_", " ").toLowerCase();

/** @param {HTMLSelectElement} select @param {HTMLInputElement} field @param {HTMLElement} noResult */
function makeSearchable(select, field, noResult) {
  const regions = new Map([...select.children].map((item) => [item, item instanceof HTMLOptGroupElement ? [...item.children] : []]));
  const countryNames = [document.documentElement.lang, "en"].map((lang) => new Intl.DisplayNames(lang, { type: "region" }));
  const options = [...select.options].map((option) => {
    const { country } = option.dataset;
    const countries = country ? countryNames.map((names) => names.of(country)).join(" ") : "";
    return { option, text: simplify(`${option.label} ${option.value} ${countries}`) };
  });

  const search = () => {
    const { value } = select;
    const words = simplify(field.value).split(/\s+/u).filter(Boolean);
    const found = options.filter(({ text }) => words.every((word) => text.includes(word))).map(({ option }) => option);
    noResult.hidden = found.length > 0;
    if (words.length) {
      const chosen = found.some((option) => option.value === value) ? [] : [...select.selectedOptions];
      select.replaceChildren(...chosen, ...found);
      select.size = Math.min(Math.max(select.length, 2), MAX_ROWS);
    } else {
      select.removeAttribute("size");
      for (const [region, zones] of regions) region.append(...zones);
      select.replaceChildren(...regions.keys());
    }
    select.value = value;
  };
  const finish = () => {
    if (!field.value) return;
    field.value = "";
    search();
  };

  field.addEventListener("input", search);
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== "ArrowDown") return;
    event.preventDefault(); // Enter would send the form
    select.focus();
  });
  select.addEventListener("click", finish);
  select.addEventListener("focusout", finish);
  select.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !field.value) return;
    event.preventDefault();
    finish();
  });
}

if (select && field && noResult) {
  makeSearchable(select, field, noResult);
  const label = field.closest("label");
  if (label) label.hidden = false;
}
