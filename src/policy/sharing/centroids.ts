import countries from 'country-locale-map/countries.json' with { type: 'json' }

interface Point {
  readonly latitude: number
  readonly longitude: number
}

const EARTH_RADIUS_KM = 6371

const CENTROIDS: ReadonlyMap<string, Point> = new Map(
  countries.map(({ alpha2, latitude, longitude }) => [
    alpha2,
    { latitude: radians(Number(latitude)), longitude: radians(Number(longitude)) },
  ]),
)

/** Kilometres between the middles of two countries, along the great circle; undefined for unknown ones. */
export function kilometresBetween(from: string, to: string): number | undefined {
  const x = CENTROIDS.get(from)
  const y = CENTROIDS.get(to)
  if (!x || !y) return undefined
  const half = (angle: number): number => Math.sin(angle / 2) ** 2
  const h =
    half(y.latitude - x.latitude) +
    Math.cos(x.latitude) * Math.cos(y.latitude) * half(y.longitude - x.longitude)
  return 2 * EARTH_RADIUS_KM * Math.asin(Math.min(1, Math.sqrt(h)))
}

function radians(degrees: number): number {
  return (degrees * Math.PI) / 180
}
