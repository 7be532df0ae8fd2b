import { expect, test } from 'vitest';

import { itemOf, loadCities } from '../../src/cli/demo-cities.ts';

test('the data set is whole, and its keys are unique', () => {
  const cities = loadCities();
  expect(cities).toHaveLength(135_233);
  const keys = new Set(cities.map(({ country, cityId }) => `${country?.S} ${cityId?.N}`));
  expect(keys.size).toBe(cities.length);
});

test('fewer are the first ones', () => {
  expect(loadCities(3)).toEqual(loadCities().slice(0, 3));
});

test('a city becomes an item of real types', () => {
  const oslo = {
    cityId: 3143244,
    name: 'Oslo',
    altName: '',
    country: 'NO',
    featureCode: 'PPLC',
    adminCode: '12',
    population: 580000,
    loc: { coordinates: [10.74609, 59.91273] as const },
  };
  expect(itemOf(oslo)).toEqual({
    country: { S: 'NO' },
    cityId: { N: '3143244' },
    name: { S: 'Oslo' },
    population: { N: '580000' },
    capital: { BOOL: true },
    featureCode: { S: 'PPLC' },
    adminCode: { S: '12' },
    location: { M: { longitude: { N: '10.74609' }, latitude: { N: '59.91273' } } },
  });
  expect(itemOf({ ...oslo, altName: 'FI' })).toMatchObject({ altCountry: { S: 'FI' } });
});
