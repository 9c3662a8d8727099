// What can stand at a place of a definition: keys and values from the JSON Schema, and columns of the
// data within braces. The place is read from the indentation above, so that unfinished text will do.
const KEY = /^(\s*)((?:- +)*)("?)([\w-]+)\3:(?:\s|$)/;

const branchesOf = (schema) => [schema, ...(schema?.anyOf ?? [])];

const ofType = (schema, type) =>
  schema.allOf?.find((one) => one.if.properties.type.const === type)?.then;

const typesOf = (schema) => schema.properties?.type?.enum ?? [];

/** Return the keys above a line, from the outermost on; `type` is that of the entry it is in. */
const pathAt = (doc, number, indent) => {
  const path = [];
  let limit = indent;
  for (let above = number - 1; above >= 1 && limit > 0; above -= 1) {
    const found = KEY.exec(doc.line(above).text);
    if (!found) continue;
    const dash = found[1].length;
    const column = dash + found[2].length;
    if (column < limit || (dash < limit && found[2])) {
      if (column < limit) path.unshift({ key: found[4], column });
      limit = Math.min(limit, found[2] && column >= limit ? dash + 1 : column);
    }
  }
  return path;
};

const typeOfEntry = (doc, number, indent) => {
  for (let above = number; above >= 1; above -= 1) {
    const text = doc.line(above).text;
    const dash = /^(\s*)- +/.exec(text);
    const type = /(?:^|[{,\s-])type:\s*"?([\w-]+)/.exec(text);
    if (type && (dash?.[0].length === indent || /^\s*/.exec(text)[0].length === indent)) return type[1];
    if (dash && dash[0].length <= indent) break;
  }
  return undefined;
};

const schemaAt = (schema, path, type) => {
  let found = schema;
  for (const { key } of path) {
    found = branchesOf(found).map((one) => one?.properties?.[key]).find(Boolean);
    const list = branchesOf(found).find((one) => one?.items);
    if (list) found = list.items;
    if (!found) return undefined;
  }
  if (!found?.allOf) return found;
  return ofType(found, type) ?? { properties: { type: { enum: typesOf(found) } } };
};

const valuesOf = (schema) =>
  branchesOf(schema).flatMap((one) => one?.enum ?? one?.items?.enum ?? (one?.type === "boolean" ? [true, false] : []));

export const completionOf = (schema, columns) => (context) => {
  const column = context.matchBefore(/(?<!\{)\{[^{}\n]*/);
  const names = columns();
  if (column && names.length && !/^\{\s*\w+:/.test(column.text)) {
    return {
      from: column.from + 1,
      options: [...names, "choices"].map((label) => ({ label, apply: `${label}}`, type: "variable" })),
      validFor: /^[^{}\n]*$/,
    };
  }
  const line = context.state.doc.lineAt(context.pos);
  const before = line.text.slice(0, context.pos - line.from);
  const word = context.matchBefore(/[\w-]*/);
  const indent = /^\s*(?:- +)*/.exec(before)[0].length;
  const type = typeOfEntry(context.state.doc, line.number, indent);
  const owner = schemaAt(schema, pathAt(context.state.doc, line.number, indent), type);
  const value = /^\s*(?:- +)*"?([\w-]+)"?:\s+\[?(?:[\w-]+,\s*)*([\w-]*)$/.exec(before);
  if (value) {
    const options = valuesOf(owner?.properties?.[value[1]]).map((one) => ({ label: String(one), type: "enum" }));
    return options.length ? { from: context.pos - value[2].length, options, validFor: /^[\w-]*$/ } : null;
  }
  if (!/^\s*(?:- +)*[\w-]*$/.test(before) || (!word.text && !context.explicit)) return null;
  const options = Object.entries(owner?.properties ?? {}).map(([label, one]) => ({
    label,
    apply: `${label}: `,
    type: "property",
    info: one.description,
  }));
  return options.length ? { from: word.from, options, validFor: /^[\w-]*$/ } : null;
};
