/**
 * Shapes: checks that turn what came from disk or wire, which is `unknown`, into a value of a type. A shape throws
 * `ShapeError`, which names the place, for anything else. Members that a shape does not name are left out.
 */
export type Shape<T> = (value: unknown, place: string) => T;

class ShapeError extends Error {
  override readonly name = 'ShapeError';
}

const refuse = (expected: string, place: string): never => {
  throw new ShapeError(`${place}: expected ${expected}`);
};

export const text: Shape<string> = (value, place) =>
  typeof value === 'string' ? value : refuse('text', place);

/** A finite number. */
export const finite: Shape<number> = (value, place) =>
  typeof value === 'number' && Number.isFinite(value) ? value : refuse('a number', place);

export const flag: Shape<boolean> = (value, place) =>
  typeof value === 'boolean' ? value : refuse('true or false', place);

/** One of some texts. */
export const oneOf =
  <const T extends string>(...choices: readonly T[]): Shape<T> =>
  (value, place) =>
    choices.find((choice) => choice === value) ?? refuse(choices.join(' or '), place);

export const list =
  <T>(of: Shape<T>): Shape<readonly T[]> =>
  (value, place) =>
    Array.isArray(value)
      ? value.map((element, at) => of(element, `${place}[${at}]`))
      : refuse('a list', place);

/** An object used as a map. */
export const dictionary =
  <T>(of: Shape<T>): Shape<Readonly<Record<string, T>>> =>
  (value, place) =>
    Object.fromEntries(
      Object.entries(asObject(value, place)).map(([name, member]) => [
        name,
        of(member, `${place}.${name}`),
      ]),
    );

/** An object with named members. */
export const members =
  <T extends object>(shapes: { readonly [Name in keyof T]: Shape<T[Name]> }): Shape<T> =>
  (value, place) => {
    const object = asObject(value, place);
    const checked: Partial<T> = {};
    for (const name in shapes) checked[name] = shapes[name](object[name], `${place}.${name}`);
    // Every member of T has been checked, one by one.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    return checked as T;
  };

/** Absent, or the shape. */
export const optional =
  <T>(of: Shape<T>): Shape<T | undefined> =>
  (value, place) =>
    value === undefined || value === null ? undefined : of(value, place);

/** Unions tagged by `kind`. */
export const tagged =
  <T extends { readonly kind: string }>(shapes: {
    readonly [Kind in T['kind']]: Shape<Extract<T, { readonly kind: Kind }>>;
  }): Shape<T> =>
  (value, place) => {
    const { kind } = asObject(value, place);
    const shape = Object.entries<Shape<T>>(shapes).find(([name]) => name === kind)?.[1];
    return shape === undefined
      ? refuse(`kind ${Object.keys(shapes).join(' or ')}`, place)
      : shape(value, place);
  };

const asObject = (value: unknown, place: string): Readonly<Record<string, unknown>> =>
  isObject(value) ? value : refuse('an object', place);

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
