/** A region's data cannot be used as it is found, or not by this region or program. An operator's matter. */
export class DataDirectoryError extends Error {
  override readonly name = 'DataDirectoryError';
}
