/** How rows are called in tables, results and targets. */
export const ROWS = {
  hmac: 'Sluice, sluice-hmac',
  jwt: 'Sluice, sluice-jwt',
  sluice: 'Sluice',
  express: 'Express',
  expressTuned: 'Express, tuned',
  haproxy: 'HAProxy jwt_verify',
  nginx: 'nginx secure_link',
  nginxDefaults: 'nginx, default buffers',
  nginxLarge: 'nginx, 64k buffers',
  nginxFile: 'nginx sendfile',
} as const
