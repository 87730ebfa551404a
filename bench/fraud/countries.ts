/** A country of the synthetic world. */
export interface Country {
  readonly code: string
  /** Users of the internet in millions, rounded (ITU, 2023). */
  readonly weight: number
  /** Of its largest city: people fly between cities. */
  readonly latitude: number
  readonly longitude: number
  readonly language: string
}

const country = (
  code: string,
  weight: number,
  latitude: number,
  longitude: number,
  language: string,
): Country => ({ code, weight, latitude, longitude, language })

export const COUNTRIES: readonly Country[] = [
  country('US', 310, 40.7, -74, 'en-US'),
  country('IN', 800, 19.1, 72.9, 'en-IN'),
  country('BR', 180, -23.6, -46.6, 'pt-BR'),
  country('ID', 190, -6.2, 106.8, 'id-ID'),
  country('JP', 105, 35.7, 139.7, 'ja-JP'),
  country('DE', 78, 52.5, 13.4, 'de-DE'),
  country('GB', 64, 51.5, -0.1, 'en-GB'),
  country('FR', 60, 48.9, 2.4, 'fr-FR'),
  country('IT', 50, 41.9, 12.5, 'it-IT'),
  country('ES', 45, 40.4, -3.7, 'es-ES'),
  country('MX', 105, 19.4, -99.1, 'es-MX'),
  country('CA', 37, 43.7, -79.4, 'en-CA'),
  country('AU', 25, -33.9, 151.2, 'en-AU'),
  country('NL', 17, 52.4, 4.9, 'nl-NL'),
  country('PL', 33, 52.2, 21, 'pl-PL'),
  country('TR', 72, 41, 29, 'tr-TR'),
  country('VN', 78, 10.8, 106.6, 'vi-VN'),
  country('KR', 50, 37.6, 127, 'ko-KR'),
  country('AR', 40, -34.6, -58.4, 'es-AR'),
  country('ZA', 45, -26.2, 28, 'en-ZA'),
  country('NG', 85, 6.5, 3.4, 'en-NG'),
  country('SE', 10, 59.3, 18.1, 'sv-SE'),
  country('CH', 8.5, 47.4, 8.5, 'de-CH'),
  country('AT', 8.5, 48.2, 16.4, 'de-AT'),
  country('BE', 11, 50.8, 4.4, 'nl-BE'),
  country('SG', 5.8, 1.3, 103.8, 'en-SG'),
]

/** Great-circle distance of two cities in kilometres. */
export function distance(from: Country, to: Country): number {
  const radians = (degrees: number): number => (degrees * Math.PI) / 180
  const half = (x: number, y: number): number => Math.sin(radians(x - y) / 2) ** 2
  const chord =
    half(from.latitude, to.latitude) +
    Math.cos(radians(from.latitude)) *
      Math.cos(radians(to.latitude)) *
      half(from.longitude, to.longitude)
  return 2 * 6371 * Math.asin(Math.sqrt(chord))
}
