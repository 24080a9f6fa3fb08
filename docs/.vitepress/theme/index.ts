// Without the fonts it brings: those of the system are there already, and weigh nothing.
import theme from 'vitepress/theme-without-fonts'
import './style.css'

export default theme
