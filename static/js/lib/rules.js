/**
 * Evaluates a rule that the page carries as data, like `is_rule_met` in messenger/core/rules.py.
 * @param {string} rule conditions separated by spaces, each a list of facts of which one must hold: `own|admin !deleted`
 * @param {ReadonlySet<string>} facts
 */
export function isRuleMet(rule, facts) {
  const isMet = (/** @type {string} */ fact) => (fact.startsWith("!") ? !facts.has(fact.slice(1)) : facts.has(fact));
  return rule.split(" ").every((condition) => condition.split("|").some(isMet));
}
